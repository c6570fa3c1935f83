import { addN, concat, keep, slice, stack, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { AttentionError } from '../errors.js';
import { check, checkInt, checkTensor, shapeText } from '../problem/checks.js';
import type { CpGroup } from './cp_group.js';

const OP = 'runInProcessGroup';

/** What all members must ask for at once. */
interface Call {
  readonly name: string;
  readonly x: Tensor;
  /** Each member's result, from all members' tensors. */
  readonly compute: (all: readonly Tensor[]) => Tensor[];
}

interface Waiting {
  readonly call: Call;
  readonly resolve: (result: Tensor) => void;
  readonly reject: (error: Error) => void;
}

/** Where members meet: the last to call computes for all. */
class Meeting {
  private readonly waiting = new Map<number, Waiting>();
  private readonly gone = new Set<number>();
  private failure: Error | null = null;

  constructor(readonly worldSize: number) {}

  join(rank: number, call: Call): Promise<Tensor> {
    return new Promise((resolve, reject) => {
      if (this.failure !== null) throw this.failure;
      this.waiting.set(rank, { call, resolve, reject });
      this.refuseStrays();
      if (this.waiting.size === this.worldSize) this.serve();
    });
  }

  /** A member that has ended calls no more: whoever waits for it would wait for ever. */
  leave(rank: number): void {
    this.gone.add(rank);
    this.refuseStrays();
  }

  fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }

  private refuseStrays(): void {
    const calls = [...this.waiting].map(([rank, { call }]) => ({ rank, name: call.name }));
    if (calls.length === 0) return;
    const [first] = calls;
    const [left] = this.gone;
    const other = calls.find(({ name }) => name !== first.name);
    if (other !== undefined) {
      this.refuse(`member ${other.rank} calls ${other.name}, member ${first.rank} ${first.name}`);
    } else if (left !== undefined) {
      this.refuse(`member ${first.rank} calls ${first.name}, member ${left} has ended`);
    }
  }

  private refuse(what: string): void {
    this.fail(
      new AttentionError(
        `${OP}: ${what}: every member must call the same collectives in the same order`,
      ),
    );
  }

  private serve(): void {
    const members = Array.from({ length: this.worldSize }, (_, rank) => this.waiting.get(rank));
    this.waiting.clear();
    const all = members.filter((member) => member !== undefined);
    try {
      const results = tidy(() => all[0].call.compute(all.map(({ call }) => call.x)).map(keep));
      all.forEach(({ resolve }, rank) => resolve(results[rank]));
    } catch (error) {
      const failure = error instanceof Error ? error : new AttentionError(String(error));
      this.failure = failure;
      for (const { reject } of all) reject(failure);
    }
  }
}

class Member implements CpGroup {
  constructor(
    private readonly meeting: Meeting,
    readonly rankInGroup: number,
  ) {}

  get worldSize(): number {
    return this.meeting.worldSize;
  }

  allGather(x: Tensor, axis: number): Promise<Tensor> {
    return this.call('allGather', x, axis, (all) => {
      const joined = concat([...all], axis);
      return all.map(() => joined.clone());
    });
  }

  allReduce(x: Tensor): Promise<Tensor> {
    return this.call('allReduce', x, 0, (all) => {
      const sum = addN([...all]);
      return all.map(() => sum.clone());
    });
  }

  reduceScatter(x: Tensor, axis: number): Promise<Tensor> {
    return this.call('reduceScatter', x, axis, (all) => {
      const sum = addN([...all]);
      return all.map((_, rank) => partOf(sum, axis, rank, all.length));
    });
  }

  allToAll(x: Tensor, axis: number): Promise<Tensor> {
    return this.call('allToAll', x, axis, (all) =>
      all.map((_, to) => stack(all.map((sent) => partOf(sent, axis, to, all.length)))),
    );
  }

  private async call(
    what: string,
    x: Tensor,
    axis: number,
    compute: Call['compute'],
  ): Promise<Tensor> {
    try {
      checkTensor(x, what, 'x', x?.rank, '[...]');
      checkInt(axis, what, 'axis', 0, Math.max(0, x.rank - 1));
      const divides = what === 'allGather' || what === 'allReduce' || x.shape[axis] % this.worldSize === 0; // prettier-ignore
      check(
        divides,
        what,
        () =>
          `axis ${axis} of x ${shapeText(x.shape)} must be a multiple of the ${this.worldSize} members`,
      );
    } catch (error) {
      this.meeting.fail(error as Error);
      throw error;
    }
    const name = `${what}(${shapeText(x.shape)}, ${axis})`;
    return this.meeting.join(this.rankInGroup, { name, x, compute });
  }
}

/** Part `i` of `count` of an axis. */
function partOf(x: Tensor, axis: number, i: number, count: number): Tensor {
  const begin = x.shape.map(() => 0);
  const size = [...x.shape];
  size[axis] /= count;
  begin[axis] = i * size[axis];
  return slice(x, begin, size);
}

/**
 * Runs `body` once for each of `worldSize` members in this process, side by side on the one thread, and resolves to what
 * they returned, by rank. Collectives meet in turn; results are the caller's to dispose. Never hangs: where a member throws,
 * ends early or calls another collective (or another shape) than the others, all of them reject.
 *
 * ```js
 * const outputs = await runInProcessGroup(2, async (group) => {
 *   const {output, lse} = pagedAttention(q, caches[group.rankInGroup], plans[group.rankInGroup], {causal: false, returnLse: true});
 *   return cpLseAgOutAr(output, lse, group);
 * });
 * ```
 *
 * @throws InvalidArgumentError for a worldSize below 1; AttentionError where members disagree.
 */
export async function runInProcessGroup<T>(
  worldSize: number,
  body: (group: CpGroup) => Promise<T>,
): Promise<T[]> {
  checkInt(worldSize, OP, 'worldSize', 1);
  const meeting = new Meeting(worldSize);
  const members = Array.from({ length: worldSize }, async (_, rank) => {
    try {
      const result = await body(new Member(meeting, rank));
      meeting.leave(rank);
      return result;
    } catch (error) {
      meeting.fail(error as Error);
      throw error;
    }
  });
  const settled = await Promise.allSettled(members);
  const failed = settled.find((member) => member.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((member) => (member as PromiseFulfilledResult<T>).value);
}
