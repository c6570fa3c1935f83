import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CapacityError, type AttentionProblem } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { dispatch } from '../device/dispatch.js';
import { tuningFor } from '../schedule/tuning.js';
import type { AttentionStage } from '../shaders/variant.js';
import { packAttention, type DispatchFields } from '../shaders/params.js';
import type { BufferKvStorage, Segment } from '../storage/kv_storage.js';
import { attentionPipelines, type AttentionPipelines } from './attention_pipelines.js';
import { runCall, spread, type Call } from './call.js';
import { scoreOperands, type ScoreOperands, type ScoreTensors } from './score_operands.js';
import { uploadBatch, type UploadedBatch } from './upload_batch.js';

export type AttentionInputs = ScoreTensors & { readonly q: TensorInfo } & Readonly<
    Partial<Record<'k' | 'v', TensorInfo>>
  >;

/** Scratch for states of split rows. */
const STATE_BYTES = 2 ** 27;

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  device: Device,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: BufferKvStorage,
): TensorInfo[] {
  return runCall(device, problem.op, (call) => {
    const { spec, params } = problem;
    const segments = storage?.segments ?? [denseSegment(call, inputs)];
    const maxRows = params.maxQueryLen * spec.queriesPerKv;
    const pipelines = attentionPipelines(device, spec, maxRows, segments.length > 1);
    const slotBytes = bytesOfSlot(problem, pipelines) * segments.length;
    const mostSlots = Math.floor(Math.min(device.limits.bindingBytes, STATE_BYTES) / slotBytes);
    if (mostSlots === 0) {
      throw new CapacityError(
        `${problem.op}: the state of ${pipelines.shape.rows} rows of ${params.numKvHeads} KV heads has ${slotBytes} ` +
          `bytes, a storage binding of this device ends at ${device.limits.bindingBytes}; lower the number of heads`,
      );
    }
    const { workgroups, leastTiles } = tuningFor(device.limits.tunedFor);
    const batch = uploadBatch(call, problem, pipelines.shape, {
      workgroups,
      leastTiles,
      mostSlots,
      direct: pipelines.operands.direct,
    });
    const scores = scoreOperands(call, problem, inputs, pipelines.operands);
    const bindings = {
      ...scores.bindings,
      ints: batch.binding,
      queries: call.input('q', inputs.q),
      scales: storage && { buffer: storage.scales.buffer },
      output: call.output(problem.outputShape),
      lse: spec.returnLse ? call.output(problem.lseShape) : undefined,
    };
    new AttentionDispatches(call, problem, pipelines, batch, scores, segments, bindings).run();
  });
}

function denseSegment(call: Call, { k, v }: AttentionInputs): Segment {
  if (k === undefined || v === undefined) throw new Error('dense attention without keys');
  const [keys, values] = [call.input('k', k), call.input('v', v)];
  return { keys, values, firstRow: 0, rows: 0, keyScalesAt: 0, valueScalesAt: 0 };
}

/** Bytes of the states of one item. */
function bytesOfSlot({ params }: AttentionProblem, { shape }: AttentionPipelines): number {
  return params.numKvHeads * shape.rows * (Math.ceil(params.valueHeadSize / 4) + 1) * 16;
}

type Bindings = Readonly<Record<string, GPUBufferBinding | undefined>>;

/** The dispatches of one call. */
class AttentionDispatches {
  constructor(
    private readonly call: Call,
    private readonly problem: AttentionProblem,
    private readonly pipelines: AttentionPipelines,
    private readonly batch: UploadedBatch,
    private readonly scores: ScoreOperands,
    private readonly segments: readonly Segment[],
    private readonly bindings: Bindings,
  ) {}

  run(): void {
    const { direct, portions } = this.batch;
    const [first] = this.segments;
    if (direct.count > 0) {
      this.dispatch('direct', direct.count, this.segmentFields(0), first, {
        firstItem: direct.first,
        numItems: direct.count,
      });
    }
    for (const { items, merges, slots } of portions) {
      const bytes = slots * this.segments.length * bytesOfSlot(this.problem, this.pipelines);
      const state = { buffer: this.call.scratch(bytes) };
      this.segments.forEach((segment, i) =>
        this.dispatch(
          'split',
          items.count,
          this.segmentFields(i),
          segment,
          { firstItem: items.first, numItems: items.count },
          { state },
        ),
      );
      this.dispatch(
        'finish',
        merges.count * this.pipelines.shape.rows,
        this.segmentFields(0),
        first,
        { firstMerge: merges.first, numMerges: merges.count },
        { state },
      );
    }
  }

  private segmentFields(index: number) {
    const { firstRow, rows, keyScalesAt, valueScalesAt } = this.segments[index];
    return {
      segment: index,
      numSegments: this.segments.length,
      firstRow,
      boundRows: rows,
      keyScalesAt,
      valueScalesAt,
    };
  }

  private dispatch(
    stage: AttentionStage,
    count: number,
    segmentFields: ReturnType<AttentionDispatches['segmentFields']>,
    { keys, values }: Segment,
    work: Partial<DispatchFields>,
    more: Bindings = {},
  ): void {
    const { call, problem, batch, scores } = this;
    const fields = {
      ...batch.at,
      ...scores.at,
      ...segmentFields,
      ...{ firstItem: 0, numItems: 0, firstMerge: 0, numMerges: 0 },
      ...work,
    };
    dispatch(call.device, {
      label: `${problem.op}: ${stage}`,
      pipeline: this.pipelines.get(stage),
      bindings: {
        ...this.bindings,
        keys,
        values,
        ...more,
        p: call.uniform(packAttention(problem.params, fields)),
      },
      groups: [...spread(call.device, count), problem.params.numKvHeads],
    });
  }
}
