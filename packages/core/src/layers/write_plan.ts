import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';

const plans = { owner: 'write plans' };

/** A plan that only writes: tokens go to these slots. It lives as long as the step's own plan. */
export function writePlan(step: AttentionPlan, slotMapping: Int32Array): AttentionPlan {
  return step.resource(plans, () => slotPlan(slotMapping));
}

/** A plan that only writes; whoever makes it disposes it. */
export function slotPlan(slotMapping: Int32Array): AttentionPlan {
  return planAttention({
    queryStartLoc: Int32Array.of(0, slotMapping.length),
    seqLens: Int32Array.of(0),
    blockTables: [[]],
    slotMapping,
  });
}
