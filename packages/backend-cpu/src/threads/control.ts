/**
 * Int32 words through which threads meet, in shared memory. `active` counts helpers inside a job: the caller opens a
 * job, works along, closes it, and waits until `active` is 0, so no helper ever sees a half-written one. A helper
 * registers in `active` before it looks at `open`; both are sequentially consistent.
 */
export const CONTROL = {
  /** Grows with every job; helpers sleep on it. */
  sequence: 0,
  open: 1,
  active: 2,
  /** First work item that nobody has claimed. */
  next: 3,
  failed: 4,
  stop: 5,
  params: 6,
  operands: 7,
  items: 8,
  count: 9,
  /** Items claimed at a time. */
  step: 10,
  partials: 11,
  scratch: 12,
  scratchBytes: 13,
} as const;

export const CONTROL_BYTES = 64;

/** What a helper thread is started with. */
export interface HelperData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Address of the control words. */
  control: number;
  stackTop: number;
  /** Its scratch is the index-th; the caller's is the 0th. */
  index: number;
  words: typeof CONTROL;
}
