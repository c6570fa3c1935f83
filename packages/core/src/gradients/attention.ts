import {
  engine,
  equal,
  expandDims,
  getGradient,
  mul,
  neg,
  registerGradient,
  sigmoid,
  sub,
  sum,
  where,
  zeros,
  type GradFunc,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../errors.js';
import { runAttentionKernel, type GradientName } from '../kernels.js';
import type { AttentionProblem, AttentionTensors } from '../problem/problem.js';
import { readSaved, type RecordedAttrs } from './recorded.js';

/** Runs dense attention on a tape that records, whatever is asked of it: output and lse. */
export function recordedAttention(problem: AttentionProblem, tensors: AttentionTensors): Tensor[] {
  registerOnce();
  const names = Object.keys(tensors) as RecordedAttrs['names'];
  const inputs = names.map((name) => tensors[name]) as unknown as NamedTensorMap;
  const spec = { ...problem.spec, returnLse: true };
  const attrs: RecordedAttrs = { problem: { ...problem, spec }, names };
  return engine().runKernel<Tensor[]>('TfjsAttnForward', inputs, attrs as unknown as NamedAttrMap);
}

/** tfjs keeps gradients in one registry for all copies of a package; the first registration serves. */
function registerOnce(): void {
  if (getGradient('TfjsAttnForward') != null) return;
  registerGradient({
    kernelName: 'TfjsAttnForward',
    saveAllInputs: true,
    outputsToSave: [true, true],
    gradFunc: gradient as unknown as GradFunc,
  });
  registerGradient({
    kernelName: 'TfjsAttnBackward',
    gradFunc: () => {
      throw new UnsupportedError('flashAttention: a gradient of its gradient', [
        "the fused backward kernel has no gradient: pass {implementation: 'COMPOSED'}",
      ]);
    },
  });
}

/** One thunk an input, of which tfjs calls those that lie on a way to what it differentiates by. */
function gradient([dout, dlse]: Tensor[], saved: Tensor[], attrs: NamedAttrMap): (() => Tensor)[] {
  const { problem, names } = attrs as unknown as RecordedAttrs;
  const { operands, out, lse } = readSaved(names, saved);
  const inputs = { ...operands, out, lse, dout, dlse };
  const run = (...wants: GradientName[]) =>
    runAttentionKernel('TfjsAttnBackward', inputs, { problem, wants });
  // Outside of thunks: tfjs frees what a thunk makes beside its result.
  const [dq, dk, dv] = run('q', 'k', 'v');
  const thunk = (name: keyof AttentionTensors): Tensor => {
    switch (name) {
      case 'q':
        return dq;
      case 'k':
        return dk;
      case 'v':
        return dv;
      case 'bias':
      case 'alibiSlopes':
      case 'qqBias':
        return run(name)[0];
      case 'mask':
        return zeros(inputs.mask?.shape ?? []);
      case 'sinks':
        return sinkGradient(problem, inputs.sinks as Tensor, out, lse, dout);
      default:
        return name satisfies never;
    }
  };
  return names.map((name) => () => thunk(name));
}

/** -sum over rows of the sink's share of the weights, 1 / (1 + exp(lse - sink)), times <dout, out>. */
function sinkGradient(
  { spec }: AttentionProblem,
  sinks: Tensor,
  out: Tensor,
  lse: Tensor,
  dout: Tensor,
): Tensor {
  const headsFirst = spec.kv.kind === 'dense' && spec.kv.order === 'bnsh';
  const perRow = headsFirst ? expandDims(sinks, 1) : sinks;
  const share = sigmoid(sub(perRow, lse));
  // A row that sees nothing gives nothing, whatever its sink.
  const lost = where(equal(lse, -Infinity), 0, mul(share, sum(mul(dout, out), -1)));
  return neg(sum(lost, headsFirst ? [0, 2] : [0, 1]));
}
