import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';

/** A plan that only writes: tokens go to these slots. Whoever makes it disposes it. */
export function slotPlan(slotMapping: Int32Array): AttentionPlan {
  return planAttention({
    queryStartLoc: Int32Array.of(0, slotMapping.length),
    seqLens: Int32Array.of(0),
    blockTables: [[]],
    slotMapping,
  });
}
