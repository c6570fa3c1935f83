import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';

/** What a sequence of a step becomes in another: absent = as it was. */
export interface SequenceChanges {
  seqLens?: Int32Array;
  queryOffset?: Int32Array;
}

/** The sequences of a plan at `chosen`, packed anew, for reading: no slots, all causal. */
export function subPlan(
  plan: AttentionPlan,
  chosen: readonly number[],
  { seqLens, queryOffset }: SequenceChanges = {},
): AttentionPlan {
  const { queryStartLoc, blockTables, maxBlocksPerSeq: width } = plan;
  const queries = new Int32Array(chosen.length + 1);
  chosen.forEach((b, i) => {
    queries[i + 1] = queries[i] + queryStartLoc[b + 1] - queryStartLoc[b];
  });
  const pick = (values: Int32Array) => Int32Array.from(chosen, (b) => values[b]);
  return planAttention({
    queryStartLoc: queries,
    seqLens: seqLens ?? pick(plan.seqLens),
    queryOffset: queryOffset ?? pick(plan.queryOffsets),
    blockTables: chosen.map((b) => blockTables.subarray(b * width, (b + 1) * width)),
  });
}

class DerivedPlans {
  private readonly plans = new Map<string, AttentionPlan>();

  get(name: string, make: () => AttentionPlan): AttentionPlan {
    const found = this.plans.get(name) ?? make();
    this.plans.set(name, found);
    return found;
  }

  dispose(): void {
    this.plans.forEach((plan) => plan.dispose());
  }
}

const owner = { what: 'plans made of a plan' };

/** A plan that follows from a step's own: made once, whatever the number of layers, and disposed with it. */
export function derivedPlan(
  plan: AttentionPlan,
  name: string,
  make: () => AttentionPlan,
): AttentionPlan {
  return plan.resource(owner, () => new DerivedPlans()).get(name, make);
}

/** Query tokens of some sequences, in order. */
export function tokensOf({ queryStartLoc }: AttentionPlan, chosen: readonly number[]): Int32Array {
  const tokens: number[] = [];
  for (const b of chosen) {
    for (let token = queryStartLoc[b]; token < queryStartLoc[b + 1]; token++) tokens.push(token);
  }
  return Int32Array.from(tokens);
}
