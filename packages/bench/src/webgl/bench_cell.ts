import * as tf from '@tensorflow/tfjs-core';
import type { Cell } from '../grid.js';
import { strategyOf } from '../contenders/strategy.js';
import { makeInputs } from '../inputs.js';
import { rowFacts, type PeerResult } from '../rows.js';
import { expectedRows, judge, type Expected } from '../verify.js';
import { runChain, type Chain } from './chain.js';
import type { PageRow } from './messages.js';
import { ourChain } from './our_chain.js';
import { stockChains, unfitForStock } from './stock_chains.js';
import { timeChains, type ChainRules } from './time_chains.js';

/** A tfjs backend whose device works while the processor goes on. */
export type GpuBackend = 'webgl' | 'webgpu';

/** Verifies and times one cell; a reason where our kernels are wrong. */
export async function benchCell(
  cell: Cell,
  rules: ChainRules,
  backend: GpuBackend,
  renderer: string,
): Promise<PageRow | string> {
  const family = `tfjs-${backend}`;
  const inputs = makeInputs(cell);
  const expected = await expectedRows(cell, inputs, 'float32');
  await tf.setBackend(backend);
  const ours = ourChain(cell, inputs);
  try {
    const { error, right } = await verified(ours, expected, expected.tolerance);
    if (!right)
      return `error ${error.toExponential(2)}, tolerance ${expected.tolerance.toExponential(2)}`;
    const reason = unfitForStock(cell);
    const stock = reason === null ? stockChains(cell, inputs) : undefined;
    try {
      const { entrants, absent } = await fitStock(family, stock?.chains ?? [], expected);
      if (reason !== null) absent.push(leftOut(family, '', reason));
      const runs = [ours, ...entrants.map(({ chain }) => chain)].map((chain) => ({
        run: (count: number) => runChain(chain, count),
      }));
      const [own, ...others] = await timeChains(runs, rules);
      const peers = entrants.map(({ chain, error: wrong }, i): PeerResult => {
        const outcome = { kind: 'timed', timing: others[i].perOp, error: wrong } as const;
        return { family, variant: chain.name, outcome };
      });
      const { tolerance } = expected;
      const facts = { backend, strategy: strategyOf(cell, 'float32'), tolerance, error };
      const result = { ...facts, dtype: 'float32', timing: own.perOp } as const;
      const singles = entrants.map(({ chain }, i) => [chain.name, others[i].singleMs] as const);
      return {
        ...rowFacts(cell, result, [...peers, ...absent]),
        renderer,
        chain: own.count,
        single: { ours: own.singleMs, ...Object.fromEntries(singles) },
      };
    } finally {
      stock?.dispose();
    }
  } finally {
    ours.dispose();
  }
}

/** Runs once, which also compiles the shaders, and compares with the oracle. */
async function verified(chain: Chain, expected: Expected, tolerance: number) {
  const output = await runChain(chain, 1);
  return judge({ row: (token, head) => chain.row(output, token, head) }, expected, tolerance);
}

async function fitStock(family: string, chains: readonly Chain[], expected: Expected) {
  const entrants: { chain: Chain; error: number }[] = [];
  const absent: PeerResult[] = [];
  for (const chain of chains) {
    try {
      const { error, right } = await verified(chain, expected, expected.looseTolerance);
      if (right) entrants.push({ chain, error });
      else {
        absent.push({ family, variant: chain.name, outcome: { kind: 'wrong', error } });
      }
    } catch (problem) {
      absent.push(
        leftOut(family, chain.name, `failed: ${(problem as Error).message.split('\n')[0]}`),
      );
    }
  }
  return { entrants, absent };
}

function leftOut(family: string, variant: string, reason: string): PeerResult {
  return { family, variant, outcome: { kind: 'left out', reason } };
}
