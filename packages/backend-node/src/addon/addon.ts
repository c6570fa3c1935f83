/** What kernels/node/addon.cc exports. */
export interface Addon {
  /** Registers the ops with the libtensorflow of this process and gives its version. @throws the reason against it */
  register(): string;
  /** The instruction set in use; a name forces it for the whole process. @throws where it cannot be had */
  instructionSet(name?: string): string;
  /**
   * For benchmarks: does `work` of multiply-adds in registers (0) or on a register tile (1), in rounds a thread, or of
   * reading memory (2), in bytes over all threads; gives the flops or bytes done.
   */
  ceiling(kind: 0 | 1 | 2, work: number, threads: number): number;
  /** Version of the params tensors that the ops expect. */
  readonly wireVersion: number;
  /** Why there are no kernels for a GPU, or null. Looks for one at the first call. */
  gpuAbsence(): string | null;
  /** What the GPU is called, or null. */
  gpuName(): string | null;
}
