import {
  addN,
  dispose,
  keep,
  mul,
  scalar,
  sigmoid,
  tidy,
  type Scalar,
  type serialization,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { attendFused, attendScored } from './attend.js';
import { AttentionAxes } from './axes.js';
import { readCall, type CallKwargs, type KerasCall } from './call.js';
import { gatherInputs, namesOf, type CallInput } from './call_inputs.js';
import { asMatrix } from './keras_objects.js';
import { AttentionMaskTensor } from './mask_tensor.js';
import { readOptions, writeOptions, type KerasAttentionArgs } from './options.js';
import { project, size, type Projection } from './projection.js';
import { distinctInputs } from './distinct_inputs.js';
import { mayCarryMask } from './symbolic_masks.js';
import { visibility } from './visibility.js';

export type Shape = (number | null)[];
type ApplyInputs = Parameters<layers.Layer['apply']>[0];

/** N, K, H and Hv of a layer. */
export interface Heads {
  numHeads: number;
  numKvHeads: number;
  headSize: number;
  valueHeadSize: number;
}

/** Projected keys and values, and what the layer returns beside its output. */
export interface KeysAndValues {
  k: Tensor;
  v: Tensor;
  extra: Tensor[];
}

/** What Keras's attention layers share: projections, masks, one attention, the output projection. */
export abstract class KerasAttention extends layers.Layer {
  protected readonly options;
  protected readonly op: string;
  private readonly projections = new Map<string, Projection>();
  private axes!: AttentionAxes;
  /** Names of the inputs of the call that is being built. */
  private names: readonly CallInput[] | null;
  /** Whether the constructor was told what the inputs are. */
  private readonly inputsAreNamed: boolean;
  /** Whether tfjs's mask of the first input is this layer's, where it stands in a model. */
  private queryMayBeMasked = false;
  private numOutputs = 1;
  private dropoutCalls = 0;
  private readonly activityLosses: Scalar[] = [];

  constructor(
    args: KerasAttentionArgs,
    protected readonly heads: Heads,
    private readonly attentionAxes: readonly number[] | null,
  ) {
    super(args);
    this.op = `${new.target.name} '${this.name}'`;
    this.options = readOptions(this.op, args);
    this.names = this.options.callInputs;
    this.inputsAreNamed = this.names !== null;
    this.supportsMasking = true;
  }

  /** Whether a mask of the query that is given by name counts. */
  protected abstract readonly takesQueryMask: boolean;

  /** Features of the output, from those of the query. */
  protected abstract outputFeatures(queryFeatures: number): readonly number[];

  /** Keys and values for a call; a layer with a cache takes them from there. */
  protected keysAndValues(call: KerasCall): KeysAndValues {
    return { k: this.project('key', call), v: this.project('value', call), extra: [] };
  }

  /** Shapes beside the output's and the scores', in a model whose inputs have these names. */
  protected extraShapes(_shapeOf: (name: CallInput) => Shape | null): Shape[] {
    return [];
  }

  /** Inputs `[query, value, key, attentionMask]`, the last three optional; named ones may also stand in `kwargs`. */
  override apply(inputs: ApplyInputs, kwargs: CallKwargs = {}): ReturnType<layers.Layer['apply']> {
    const gathered = gatherInputs(this.op, inputs, { ...kwargs }, this.namesHere());
    const { list, rest } = gathered;
    if (!(list[0] instanceof SymbolicTensor)) {
      this.names = gathered.names;
      return super.apply(one(list as Tensor[]), { ...rest, callInputs: gathered.names });
    }
    const { names, symbolic } = distinctInputs(
      gathered.names,
      list as SymbolicTensor[],
      this.inputsAreNamed,
    );
    this.refuseCallOptions(rest);
    this.queryMayBeMasked ||= mayCarryMask(symbolic[0]);
    for (const [input, mask] of [
      ['value', 'valueMask'],
      ['key', 'keyMask'],
    ] as const) {
      const tensor = symbolic[names.indexOf(input)];
      if (tensor === undefined || tensor === symbolic[0] || names.includes(mask)) continue;
      if (!mayCarryMask(tensor)) continue;
      symbolic.push(new AttentionMaskTensor().apply(tensor) as SymbolicTensor);
      names.push(mask);
    }
    if (this.inboundNodes.length > 0 && String(this.names) !== String(names)) {
      throw new InvalidArgumentError(
        `${this.op}: its calls in a model take the same inputs, first ${String(this.names)}, now ${String(names)}; give callInputs to the constructor`,
      );
    }
    this.names = names;
    this.options.callInputs = names.length > 1 ? names : null;
    return super.apply(one(symbolic), rest);
  }

  override build(inputShape: Shape | Shape[]): void {
    const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as Shape[];
    const names = namesOf(this.op, shapes.length, this.names);
    const shapeOf = (name: CallInput) => shapes[names.indexOf(name)] ?? null;
    const query = shapes[0];
    const value = shapeOf('value') ?? query;
    const features = (name: CallInput, shape: Shape) => {
      const last = shape[shape.length - 1];
      if (shape.length >= 3 && last !== null) return last;
      throw new InvalidArgumentError(
        `${this.op}: ${name} must be [B, ..., D] with D known, got [${shape.join(', ')}]`,
      );
    };
    const { numHeads, numKvHeads, headSize, valueHeadSize } = this.heads;
    const queryFeatures = features('query', query);
    const keyFeatures = features('key', shapeOf('key') ?? value);
    const valueFeatures = features('value', value);
    this.axes = new AttentionAxes(this.op, query.length, this.attentionAxes);
    this.addProjection('query', [queryFeatures], [numHeads, headSize]);
    this.addProjection('key', [keyFeatures], [numKvHeads, headSize]);
    if (this.options.useGate)
      this.addProjection('gate', [queryFeatures], [numHeads, valueHeadSize]);
    this.addProjection('value', [valueFeatures], [numKvHeads, valueHeadSize]);
    const outputs = this.outputFeatures(queryFeatures);
    this.addProjection('attention_output', [numHeads, valueHeadSize], outputs);
    if (this.options.activityRegularizer !== null) this.addLoss(() => this.takeActivityLoss());
    this.built = true;
  }

  /** The activity losses of the calls since it was asked last. */
  private takeActivityLoss(): Scalar {
    const losses = this.activityLosses.splice(0);
    const total = losses.length > 0 ? addN(losses) : scalar(0);
    dispose(losses);
    return total;
  }

  /** As {@link apply}; builds the layer where that has not happened. */
  override call(inputs: Tensor | Tensor[], kwargs: CallKwargs = {}): Tensor | Tensor[] {
    if (!this.built) return this.apply(inputs, kwargs) as Tensor | Tensor[];
    return tidy(() => {
      const inModel = this.inboundNodes.length > 0;
      const names = kwargs?.callInputs ?? this.namesHere();
      const call = readCall(this.op, inputs, { ...kwargs }, names, this.options, {
        trustMask: !inModel || this.queryMayBeMasked,
        takeQueryMask: this.takesQueryMask,
      });
      const outputs = this.attend(call);
      this.numOutputs = outputs.length;
      return outputs.length === 1 ? outputs[0] : outputs;
    });
  }

  private attend(call: KerasCall): Tensor[] {
    const { axes } = this;
    const q = this.project('query', call);
    const { k, v, extra } = this.keysAndValues(call);
    const { slidingWindow, dropout, flashAttention, seed } = this.options;
    const band = { causal: call.useCausalMask, slidingWindow };
    const keys = { shape: k.shape.slice(0, -1) };
    const seen = visibility(this.op, axes, call.query, keys, call, band);
    const [qs, ks, vs] = [q, k, v].map((x) => axes.pack(x));
    const dropped = dropout > 0 && call.training;
    const rate = { rate: dropout, ...(seed !== null && { seed: seed + this.dropoutCalls++ }) };
    const implementation = flashAttention === false ? 'COMPOSED' : 'auto';
    const [output, scores] =
      dropped || call.returnAttentionScores
        ? attendScored(qs, ks, vs, seen, dropped ? rate : null)
        : [attendFused(qs, ks, vs, seen, implementation, axes.isPlain && dropout === 0), null];
    const heads = axes.unpack(output, call.query);
    const gated = this.options.useGate ? mul(heads, sigmoid(this.project('gate', call))) : heads;
    const projected = this.projectInput('attention_output', gated, call.training);
    return [
      projected,
      ...(scores && call.returnAttentionScores
        ? [axes.unpackScores(scores, call.query, keys)]
        : []),
      ...extra,
    ];
  }

  /** The projection of the call's tensor of that name; the gate's is the query. */
  protected project(name: 'query' | 'key' | 'gate' | 'value', call: KerasCall): Tensor {
    return this.projectInput(name, call[name === 'gate' ? 'query' : name], call.training);
  }

  private projectInput(name: string, x: Tensor, training: boolean): Tensor {
    const projection = this.projections.get(name) as Projection;
    const inputs = projection.kernel.shape.slice(0, projection.inputAxes);
    const last = x.shape.slice(x.rank - projection.inputAxes);
    if (String(inputs) !== String(last)) {
      throw new InvalidArgumentError(
        `${this.op}: ${name} was built for ${inputs.join(' x ')} features, got [${x.shape.join(', ')}]`,
      );
    }
    const output = project(projection, x);
    const regularizer = this.options.activityRegularizer;
    if (regularizer !== null && training) {
      this.activityLosses.push(keep(regularizer.apply(output)));
    }
    return output;
  }

  private addProjection(name: string, inputs: number[], outputs: readonly number[]): void {
    const { options } = this;
    const init = asMatrix(options.kernelInitializer, size(inputs), size(outputs));
    const kernel = this.addWeight(
      `${name}/kernel`, [...inputs, ...outputs], 'float32', init, options.kernelRegularizer ?? undefined, true,
      options.kernelConstraint ?? undefined,
    ); // prettier-ignore
    const bias = options.useBias
      ? this.addWeight(
          `${name}/bias`, [...outputs], 'float32', options.biasInitializer, options.biasRegularizer ?? undefined, true,
          options.biasConstraint ?? undefined,
        ) // prettier-ignore
      : null;
    this.projections.set(name, { kernel, bias, inputAxes: inputs.length });
  }

  /** One mask an output: the query's for the first. */
  override computeMask(inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor[] {
    const first = Array.isArray(mask) ? mask[0] : mask;
    const trusted = this.inboundNodes.length === 0 || this.queryMayBeMasked;
    const masks = [trusted ? first : null, ...new Array<null>(this.numOutputs - 1).fill(null)];
    // The type has no null, though tfjs passes and takes it.
    return masks as Tensor[];
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as Shape[];
    const names = namesOf(this.op, shapes.length, this.names);
    const shapeOf = (name: CallInput) => shapes[names.indexOf(name)] ?? null;
    const query = shapes[0];
    const output = [
      ...query.slice(0, -1),
      ...this.outputFeatures(query[query.length - 1] as number),
    ];
    const key = shapeOf('key') ?? shapeOf('value') ?? query;
    const axes = new AttentionAxes(this.op, query.length, this.attentionAxes);
    const pick = (shape: Shape, from: readonly number[]) => from.map((axis) => shape[axis]);
    const scores = [
      ...pick(query, axes.batch),
      this.heads.numHeads,
      ...pick(query, axes.attended),
      ...pick(key, axes.attended),
    ];
    const all = [
      output,
      ...(this.options.returnAttentionScores ? [scores] : []),
      ...this.extraShapes(shapeOf),
    ];
    return all.length === 1 ? output : all;
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), ...writeOptions(this.options) };
  }

  private namesHere(): readonly CallInput[] | null {
    return this.options.callInputs;
  }

  /** tfjs runs a model without the options of its calls. */
  private refuseCallOptions(rest: Record<string, unknown>): void {
    const { options } = this;
    for (const name of ['useCausalMask', 'returnAttentionScores'] as const) {
      if (rest[name] === undefined || rest[name] === options[name]) continue;
      throw new InvalidArgumentError(
        `${this.op}: tfjs drops call options of layers in a model; give ${name} to the constructor`,
      );
    }
  }
}

/** tfjs warns about, and stumbles over, a list of one. */
const one = <T>(list: T[]): T | T[] => (list.length === 1 ? list[0] : list);
