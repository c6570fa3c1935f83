import type { Binding } from './backend.js';

/** The same int32 words in host memory and, beside a GPU, in its memory. */
export class WordPair {
  readonly host: number;
  /** Undefined where kernels read host memory. */
  readonly uploaded: number | undefined;

  /** TensorFlow may go on to read `words`. */
  constructor(
    private readonly binding: Binding,
    readonly words: Int32Array,
    usesGpu: boolean,
  ) {
    this.host = binding.createTensor([words.length], binding.TF_INT32, words);
    this.uploaded = usesGpu
      ? binding.executeOp('TfjsAttnUploadInts', [], [this.host], 1)[0].id
      : undefined;
  }

  dispose(): void {
    this.binding.deleteTensor(this.host);
    if (this.uploaded !== undefined) this.binding.deleteTensor(this.uploaded);
  }
}
