import { slotPlan } from '../ops/slot_plan.js';
import type { AttentionPlan } from '../utils/plan_attention.js';

const plans = { owner: 'write plans' };

/** A plan that only writes: tokens go to these slots. It lives as long as the step's own plan. */
export function writePlan(step: AttentionPlan, slotMapping: Int32Array): AttentionPlan {
  return step.resource(plans, () => slotPlan(slotMapping));
}
