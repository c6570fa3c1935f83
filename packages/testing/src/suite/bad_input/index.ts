import type { SpecGroup } from '../subject.js';
import { badCopies, badSwaps } from './blocks.js';
import { badDenseCalls } from './dense.js';
import { badLatentOps } from './latent.js';
import { badPageOps } from './ops.js';
import { badGathers, badPagedCalls, badWrites } from './paged.js';
import { badPlans } from './plan.js';
import { badCaches, badConversions, badMerges } from './values.js';
import { badCallSpec, type BadCall } from './world.js';

const CALLS: Readonly<Record<string, readonly BadCall[]>> = {
  flashAttention: badDenseCalls,
  planAttention: badPlans,
  pagedAttention: badPagedCalls,
  reshapeAndCache: badWrites,
  gatherCache: badGathers,
  copyBlocks: badCopies,
  swapBlocks: badSwaps,
  mergeAttnStates: badMerges,
  convertFp8: badConversions,
  KvCache: badCaches,
};

/** Calls that must be refused before anything has changed. */
export const badInput: SpecGroup = {
  name: 'bad input',
  specs: [CALLS, badPageOps, badLatentOps].flatMap((ops) =>
    Object.entries(ops).flatMap(([op, calls]) => calls.map((call) => badCallSpec(op, call))),
  ),
};
