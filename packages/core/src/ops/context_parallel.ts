import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { CpGroup } from '../parallel/cp_group.js';
import { check, checkInt, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionResult } from '../problem/options.js';

/** How states of several members are brought together. */
export interface CpOptions {
  /** lse in natural logarithms (default) or, false, in powers of 2. */
  isLseBaseOnE?: boolean;
}

/**
 * One member's part of the output over all keys (vLLM `correct_attn_out`): its own output times
 * e^(its lse - lse over all members). The sum of what all members get is attention over the undivided keys.
 *
 * @param out `[B, N, Hv]` float32 over this member's keys
 * @param lses `[R, B, N]` of all members; NaN and +Infinity count as -Infinity
 * @param cpRank which of them `out` belongs to
 * @returns output `[B, N, Hv]` and lse `[B, N]` over all keys; 0 and -Infinity where no member sees a key
 *
 * ```js
 * correctAttnOut(out, lses, 0);  // member 0 has no key for a row: its part of that row is 0, even if out holds NaN there
 * ```
 *
 * @throws InvalidArgumentError where shapes disagree or the rank is none of R.
 */
export function correctAttnOut(
  out: Tensor,
  lses: Tensor,
  cpRank: number,
  { isLseBaseOnE = true }: CpOptions = {},
): AttentionResult {
  const op = 'correctAttnOut';
  checkTensor(out, op, 'out', 3, '[B, N, Hv]');
  checkTensor(lses, op, 'lses', 3, '[R, B, N]');
  const [members, ...rows] = lses.shape as [number, number, number];
  check(
    shapeText(rows) === shapeText(out.shape.slice(0, 2)) && out.size > 0,
    op,
    `lses ${shapeText(lses.shape)} must be [R, B, N] for out ${shapeText(out.shape)}, neither empty`,
  );
  checkInt(cpRank, op, 'cpRank', 0, members - 1);
  const [output, lse] = tf.tidy(op, () => {
    const all = tf.mul(cleanLse(lses), isLseBaseOnE ? 1 : Math.LN2);
    const own = tf.squeeze(tf.slice(all, [cpRank], [1]), [0]);
    const total = logSumExp(all);
    const both: Tensor[] = [weigh(out, own, total), isLseBaseOnE ? total : tf.div(total, Math.LN2)];
    return both;
  });
  return { output, lse };
}

/**
 * Attention over keys that the members share out, by gathering lse and scattering the sum of outputs along heads (vLLM
 * `cp_lse_ag_out_rs`): `out` `[B, N, Hv]` and `lse` `[B, N]` of this member's keys for all N heads become those of all keys
 * for heads rank * N / R on, `[B, N / R, Hv]` and `[B, N / R]`. The result is the caller's to dispose.
 *
 * @throws InvalidArgumentError where R does not divide N or shapes disagree: all members then reject.
 */
export async function cpLseAgOutRs(
  out: Tensor,
  lse: Tensor,
  group: CpGroup,
  options: CpOptions = {},
): Promise<AttentionResult> {
  const op = 'cpLseAgOutRs';
  checkState(op, out, lse);
  checkShares(op, out, group);
  return withCorrected(out, lse, group, options, async (part, total) => ({
    output: await group.reduceScatter(part, 1),
    lse: ownHeads(total, group),
  }));
}

/** As {@link cpLseAgOutRs}, but every member gets all heads (vLLM `cp_lse_ag_out_ar`). */
export async function cpLseAgOutAr(
  out: Tensor,
  lse: Tensor,
  group: CpGroup,
  options: CpOptions = {},
): Promise<AttentionResult> {
  checkState('cpLseAgOutAr', out, lse);
  return withCorrected(out, lse, group, options, async (part, total) => ({
    output: await group.allReduce(part),
    lse: total.clone(),
  }));
}

/**
 * As {@link cpLseAgOutRs}, by one exchange: every member sends each other one its share of heads, output and lse, and
 * merges what it receives (vLLM `dcp_a2a_lse_reduce`).
 */
export async function dcpA2aLseReduce(
  out: Tensor,
  lse: Tensor,
  group: CpGroup,
  { isLseBaseOnE = true }: CpOptions = {},
): Promise<AttentionResult> {
  const op = 'dcpA2aLseReduce';
  checkState(op, out, lse);
  checkShares(op, out, group);
  const packed = tf.tidy(() => tf.concat([out, tf.expandDims(lse, 2)], 2));
  const received = await whileHeld([packed], () => group.allToAll(packed, 1));
  const [output, merged] = tf.tidy(op, () => {
    const size = out.shape[2] as number;
    const [parts, ends]: Tensor[] = tf.split(received, [size, 1], 3);
    const lses = tf.mul(cleanLse(tf.squeeze(ends, [3])), isLseBaseOnE ? 1 : Math.LN2);
    const total = logSumExp(lses);
    const weighed: Tensor[] = tf
      .unstack(parts)
      .map((part, member) => weigh(part, tf.squeeze(tf.slice(lses, [member], [1]), [0]), total));
    const both: Tensor[] = [tf.addN(weighed), isLseBaseOnE ? total : tf.div(total, Math.LN2)];
    return both;
  });
  received.dispose();
  return { output, lse: merged };
}

/** Gathers lse, corrects this member's output with it, and hands both to `finish`. */
async function withCorrected(
  out: Tensor,
  lse: Tensor,
  group: CpGroup,
  options: CpOptions,
  finish: (part: Tensor, total: Tensor) => Promise<AttentionResult>,
): Promise<AttentionResult> {
  const row = tf.expandDims(lse, 0);
  const lses = await whileHeld([row], () => group.allGather(row, 0));
  const corrected = correctAttnOut(out, lses, group.rankInGroup, options);
  const { output: part, lse: total } = corrected;
  return whileHeld([lses, part, total], () => finish(part, total));
}

/** Runs and frees the tensors after, whatever happens. */
export async function whileHeld<T>(tensors: readonly Tensor[], run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

function checkState(op: string, out: Tensor, lse: Tensor): void {
  checkTensor(out, op, 'out', 3, '[B, N, Hv]');
  checkTensor(lse, op, 'lse', 2, '[B, N]');
  check(
    shapeText(lse.shape) === shapeText(out.shape.slice(0, 2)) && out.size > 0,
    op,
    `lse ${shapeText(lse.shape)} must be [B, N] for out ${shapeText(out.shape)}, neither empty`,
  );
}

function checkShares(op: string, out: Tensor, { worldSize }: CpGroup): void {
  const heads = out.shape[1] as number;
  check(
    heads % worldSize === 0,
    op,
    `out has ${heads} heads, which the ${worldSize} members do not divide: take cpLseAgOutAr`,
  );
}

function ownHeads(lse: Tensor, { worldSize, rankInGroup }: CpGroup): Tensor {
  const [rows, heads] = lse.shape as [number, number];
  const own = heads / worldSize;
  return tf.slice(lse, [0, rankInGroup * own], [rows, own]);
}

/** NaN and +Infinity, as some kernels report a row without keys, become -Infinity. */
function cleanLse(lse: Tensor): Tensor {
  return tf.where(tf.less(lse, Infinity), lse, -Infinity);
}

/** ln of the sum of e^lse over the first axis; -Infinity where all are. */
function logSumExp(lses: Tensor): Tensor {
  const most = tf.max(lses, 0);
  const base = tf.where(tf.equal(most, -Infinity), 0, most);
  return tf.add(base, tf.log(tf.sum(tf.exp(tf.sub(lses, base)), 0)));
}

/** Output times e^(own - total), 0 where the part has no keys whatever the output holds there. */
function weigh(out: Tensor, own: Tensor, total: Tensor): Tensor {
  const hasKeys = tf.greater(own, -Infinity);
  const weight = tf.where(hasKeys, tf.exp(tf.sub(own, total)), 0);
  const seen = tf.broadcastTo(tf.expandDims(hasKeys, -1), out.shape);
  return tf.where(seen, tf.mul(out, tf.expandDims(weight, -1)), 0);
}
