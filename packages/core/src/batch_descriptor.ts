/** What one batch is, for whoever keeps something for each kind of batch (vLLM `BatchDescriptor`). */
export class BatchDescriptor {
  /** @param uniformDecode every request has the same number of query tokens */
  constructor(
    readonly numTokens: number,
    readonly uniformDecode = false,
    readonly hasLora = false,
  ) {}

  /** The same batch without the promise of equal query lengths. */
  get nonUniform(): BatchDescriptor {
    return new BatchDescriptor(this.numTokens, false, this.hasLora);
  }
}
