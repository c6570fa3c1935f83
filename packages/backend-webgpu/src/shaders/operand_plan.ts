import type { AttentionSpec } from '@tfjs-attention/core/provider';

/** How the operands of a spec share the storage bindings of a device. */
export interface OperandPlan {
  /** Whether rows that are not split are finished at once; else everything leaves states. */
  readonly direct: boolean;
  /** Whether the mask is copied behind the bias. */
  readonly joinsMask: boolean;
  /** Whether only a stretch of the cache is bound at a time. */
  readonly segmented: boolean;
  /** Lanes from one value row to the next: of keys where values lie in them. */
  readonly valueRowLanes: number;
}

/** WebGPU promises eight storage buffers a shader: queries, keys, values, ints and the result leave three. */
export function planOperands(
  { features, kv, returnLse, headSize, valueHeadSize }: AttentionSpec,
  segmented: boolean,
  storageBuffers: number,
): OperandPlan {
  const has = (feature: (typeof features)[number]) => Number(features.includes(feature));
  const common = 4 + Number(kv.kind === 'paged') + has('bias') + has('mask');
  const scores = Math.max(has('alibi'), has('qqBias'));
  const finished = common + Math.max(scores, has('sinks')) + 1 + Number(returnLse);
  const split = common + scores + 1;
  return {
    direct: finished <= storageBuffers && !segmented,
    joinsMask: split > storageBuffers && has('bias') + has('mask') === 2,
    segmented,
    valueRowLanes: kv.kind === 'paged' && kv.valueInKey ? headSize : valueHeadSize,
  };
}
