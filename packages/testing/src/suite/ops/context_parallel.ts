import * as tf from '@tensorflow/tfjs-core';
import {
  correctAttnOut,
  cpLseAgOutAr,
  cpLseAgOutRs,
  dcpA2aLseReduce,
  dcpAttention,
  FullAttentionSpec,
  getDcpLocalSeqLens,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCacheFlash,
  runInProcessGroup,
  type AttentionPlan,
  type CpGroup,
} from '@tfjs-attention/core';
import { assertSame, assertThrows } from '../assert.js';
import { inScope } from '../in_scope.js';
import { pickRows } from '../judged_rows.js';
import { expectedPaged, prefixSums, type PagedCase } from '../paged_case.js';
import { randomFrom, shuffled } from '../random.js';
import { implementationOf, type Spec, type SpecGroup } from '../subject.js';
import { assertExpected } from '../tolerance.js';
import { onPages, type Pages } from './on_pages.js';

/** A member's share of the keys of every sequence: position t lies with member floor(t / interleave) mod R. */
interface Share {
  readonly cache: KvCache;
  readonly blockTables: number[][];
  readonly lens: Int32Array;
}

const BLOCK_SIZE = 4;

/** Deals the keys before position `lens[b]` of each sequence to a member's own cache, in shuffled blocks. */
async function shareOf(
  { data, cache: whole }: Pages,
  c: PagedCase,
  lens: Int32Array,
  { worldSize, rankInGroup: rank }: Pick<CpGroup, 'worldSize' | 'rankInGroup'>,
  interleave: number,
): Promise<Share> {
  const { numKvHeads, headSize, valueHeadSize } = whole.layout;
  const own = getDcpLocalSeqLens(lens, worldSize, rank, interleave);
  const counts = Array.from(own, (length) => Math.ceil(length / BLOCK_SIZE));
  const order = shuffled(
    randomFrom(rank),
    counts.reduce((sum, n) => sum + n, 1),
  );
  const spec = new FullAttentionSpec({
    blockSize: BLOCK_SIZE,
    numKvHeads,
    headSize,
    valueHeadSize,
  });
  const cache = new KvCache(spec, { numBlocks: order.length });
  let next = 0;
  const blockTables = counts.map((count) => Array.from({ length: count }, () => order[next++]));
  const first = prefixSums(c.seqLens);
  const rows: number[] = [];
  const slots: number[] = [];
  lens.forEach((length, b) => {
    let local = 0;
    for (let t = 0; t < length; t++) {
      if (Math.floor(t / interleave) % worldSize !== rank) continue;
      rows.push(first[b] + t);
      slots.push(
        blockTables[b][Math.floor(local / BLOCK_SIZE)] * BLOCK_SIZE + (local % BLOCK_SIZE),
      );
      local++;
    }
  });
  if (rows.length > 0) {
    const [k, v] = [await pickRows(data.k, rows), await pickRows(data.v, rows)];
    reshapeAndCacheFlash(k, v, cache, Int32Array.from(slots));
  }
  return { cache, blockTables, lens: own };
}

const WORLD_SIZES = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** Sequences shorter and longer than there are members. */
function decodeCase(worldSize: number): PagedCase {
  return {
    name: `decode over keys of ${worldSize} members`,
    queryLens: [1, 1, 1],
    seqLens: [23, 3, 40],
    heads: [worldSize * 2, 2],
    blockSize: BLOCK_SIZE,
  };
}

const COMBINE = { cpLseAgOutRs, cpLseAgOutAr, dcpA2aLseReduce } as const;

/** Each member attends its keys; each way to bring the states together gives the undivided result. */
function decodeSpec(worldSize: number): Spec {
  const c = decodeCase(worldSize);
  return onPages(c, async (pages) => {
    const { data, twin, subject } = pages;
    const expected = await expectedPaged(c, data, twin);
    const lens = Int32Array.from(c.seqLens);
    for (const [name, combine] of Object.entries(COMBINE)) {
      const interleave = name === 'dcpA2aLseReduce' ? 2 : 1;
      const shares = await Promise.all(
        Array.from({ length: worldSize }, (_, rankInGroup) => shareOf(pages, c, lens, { worldSize, rankInGroup }, interleave)),
      ); // prettier-ignore
      const states = await runInProcessGroup(worldSize, async (group) => {
        const { cache, blockTables, lens: seqLens } = shares[group.rankInGroup];
        const plan = planAttention({
          queryStartLoc: data.plan.queryStartLoc,
          seqLens,
          blockTables,
        });
        const { output, lse } = pagedAttention(data.q, cache, plan, {
          causal: false,
          returnLse: true,
          implementation: implementationOf(subject),
        });
        return combine(output, lse, group);
      });
      shares.forEach(({ cache }) => cache.dispose());
      const whole =
        name === 'cpLseAgOutAr'
          ? states[worldSize - 1]
          : {
              output: tf.concat(states.map(({ output }) => output), 1),
              lse: tf.concat(states.map(({ lse }) => lse), 1),
            }; // prettier-ignore
      const actual = { output: await whole.output.data(), lse: await whole.lse.data() };
      states.forEach((state) => tf.dispose([state.output, state.lse]));
      assertExpected(actual, expected, 2);
    }
  });
}

interface StepCase extends PagedCase {
  readonly worldSize: number;
  readonly interleave: number;
  readonly exchange: 'reduceScatter' | 'allToAll';
}

const stepCases: readonly StepCase[] = WORLD_SIZES.flatMap((worldSize): StepCase[] => [
  {
    name: `dcpAttention: prefill and decode on ${worldSize} members, one KV head`,
    worldSize,
    interleave: 1,
    exchange: 'reduceScatter',
    queryLens: [3, 1, 5],
    seqLens: [20, 6, 5],
    heads: [worldSize * 2, 1],
    blockSize: BLOCK_SIZE,
    features: { sinks: true, logitsSoftCap: 10 },
  },
  {
    name: `dcpAttention: ${worldSize} members, as many KV heads, two positions in turn, by one exchange`,
    worldSize,
    interleave: 2,
    exchange: 'allToAll',
    queryLens: [1, 2],
    seqLens: [30, 7],
    heads: [worldSize * 2, worldSize],
    blockSize: BLOCK_SIZE,
  },
]);

/** A member's plan: the lengths of whole sequences, its own blocks. */
const memberPlan = ({ plan }: Pages['data'], { blockTables }: Share): AttentionPlan =>
  planAttention({ queryStartLoc: plan.queryStartLoc, seqLens: plan.seqLens, blockTables });

function stepSpec(c: StepCase): Spec {
  return onPages(c, async (pages) => {
    const { data, twin, subject } = pages;
    const { worldSize, interleave, exchange } = c;
    const first = prefixSums(c.seqLens);
    const fresh = c.seqLens.flatMap((length, b) =>
      Array.from({ length: c.queryLens[b] }, (_, i) => first[b] + length - c.queryLens[b] + i),
    );
    const [k, v] = [await pickRows(data.k, fresh), await pickRows(data.v, fresh)];
    const context = Int32Array.from(c.seqLens, (length, b) => length - c.queryLens[b]);
    const { sinks, logitsSoftCap } = data.made.options;
    const outputs = await runInProcessGroup(worldSize, async (group) => {
      const share = await shareOf(pages, c, context, group, interleave);
      const own = (x: tf.Tensor, axis: number) => tf.split(x, worldSize, axis)[group.rankInGroup];
      const output = await dcpAttention(own(data.q, 1), k, v, share.cache, memberPlan(data, share), group, {
        interleave,
        exchange,
        logitsSoftCap,
        implementation: implementationOf(subject),
        ...(sinks && { sinks: own(sinks as tf.Tensor, 0) }),
      }); // prettier-ignore
      share.cache.dispose();
      return output;
    });
    const whole = tf.concat(outputs, 1);
    tf.dispose(outputs);
    const expected = await expectedPaged(c, data, twin);
    assertExpected({ output: await whole.data() }, expected, 2);
  });
}

/** A row that no member has keys for, and members whose output is NaN where they have none. */
const emptyRows: Spec = {
  name: 'correctAttnOut: members without keys add nothing, whatever they hold',
  run: () =>
    inScope(async () => {
      const lses = tf.tensor3d([0, NaN, -Infinity, Math.log(3), Infinity, -Infinity], [2, 3, 1]);
      const outs = [
        [4, NaN, NaN],
        [8, 5, NaN],
      ].map((values) => tf.tensor3d(values, [3, 1, 1]));
      const [a, b] = outs.map((out, rank) => correctAttnOut(out, lses, rank));
      assertSame('member 0', await a.output.data(), [1, 0, 0]);
      const other = await b.output.data();
      assertSame('member 1', [Math.round(other[0] * 1e5) / 1e5, other[1], other[2]], [6, 0, 0]);
      const total = await b.lse.data();
      assertSame('lse', [Math.round(total[0] * 1e5), total[1], total[2]], [138629, -Infinity, -Infinity]);
      const base2 = tf.mul(lses, 1 / Math.LN2);
      const c = correctAttnOut(outs[0], base2, 0, { isLseBaseOnE: false });
      assertSame('base 2', [Math.round((await c.lse.data())[0] * 1e5)], [200000]);
    }),
}; // prettier-ignore

const strays: readonly Spec[] = [
  {
    name: 'runInProcessGroup: members that disagree are told, none hangs',
    run: () =>
      inScope(async () => {
        const x = tf.ones([2, 2]);
        const both = (a: (g: CpGroup) => Promise<unknown>, b: (g: CpGroup) => Promise<unknown>) =>
          runInProcessGroup(2, (g) => (g.rankInGroup === 0 ? a(g) : b(g)));
        await assertThrows(() => both((g) => g.allReduce(x), (g) => g.allGather(x, 0)), Error, /member 1 calls allGather.*member 0 allReduce/);
        await assertThrows(() => both((g) => g.allReduce(x), (g) => g.allReduce(tf.ones([3]))), Error, /same collectives/);
        await assertThrows(() => both((g) => g.allReduce(x), () => Promise.resolve()), Error, /member 1 has ended/);
        await assertThrows(() => both((g) => g.allReduce(x), () => Promise.reject(new Error('mine'))), Error, /mine/);
        await assertThrows(() => both((g) => g.reduceScatter(tf.ones([3]), 0), (g) => g.allReduce(x)), Error, /multiple of the 2 members/);
        await assertThrows(() => runInProcessGroup(0, () => Promise.resolve()), Error, /worldSize/);
      }),
  },
  {
    name: 'runInProcessGroup: collectives',
    run: () =>
      inScope(async () => {
        const results = await runInProcessGroup(2, async (group) => {
          const x = tf.add(tf.tensor2d([[1, 2], [3, 4]]), 10 * group.rankInGroup);
          const made = [
            await group.allGather(x, 1),
            await group.allReduce(x),
            await group.reduceScatter(x, 0),
            await group.allToAll(x, 1),
          ];
          const values = await Promise.all(made.map((result) => result.data()));
          tf.dispose(made);
          return values.map((value) => Array.from(value));
        });
        assertSame('allGather', results[0][0], [1, 2, 11, 12, 3, 4, 13, 14]);
        assertSame('allReduce', results[1][1], [12, 14, 16, 18]);
        assertSame('reduceScatter', [...results[0][2], ...results[1][2]], [12, 14, 16, 18]);
        assertSame('allToAll', [...results[0][3], ...results[1][3]], [1, 3, 11, 13, 2, 4, 12, 14]);
      }),
  },
]; // prettier-ignore

/** A cache split over 1 to 8 members gives the undivided result. */
export const contextParallel: SpecGroup = {
  name: 'context parallelism',
  specs: [...WORLD_SIZES.map(decodeSpec), ...stepCases.map(stepSpec), emptyRows, ...strays],
};
