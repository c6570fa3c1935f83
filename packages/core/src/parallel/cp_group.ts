import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * One member's view of the processes that share a sequence (vLLM `GroupCoordinator`): what the context-parallel ops ask of
 * it. Every member calls the same collectives in the same order; a promise resolves when all have called. Members' tensors
 * have equal shapes. {@link runInProcessGroup} makes one whose members live in this process; one over workers or a network
 * is this interface with another transport.
 */
export interface CpGroup {
  readonly worldSize: number;
  readonly rankInGroup: number;
  /** All members' tensors joined along an axis, in the order of their ranks. */
  allGather(x: Tensor, axis: number): Promise<Tensor>;
  /** The sum of all members' tensors. */
  allReduce(x: Tensor): Promise<Tensor>;
  /** This member's share, along an axis that worldSize divides, of the sum of all members' tensors. */
  reduceScatter(x: Tensor, axis: number): Promise<Tensor>;
  /** Part r of the axis goes to member r; what all members sent to this one, joined along a new first axis `[R, ...]`. */
  allToAll(x: Tensor, axis: number): Promise<Tensor>;
}
