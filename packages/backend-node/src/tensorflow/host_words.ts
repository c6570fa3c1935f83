import type { Binding } from './backend.js';
import { WordPair } from './word_pair.js';

/** Words that calls repeat: those of all layers of a step are often the same. */
const KEPT = 8;

/** Small int32 tensors by content, so that what the last calls brought is not uploaded again. */
export class HostWords {
  private readonly kept: WordPair[] = [];
  private next = 0;

  /** `usesGpu`: kernels read them in a GPU's memory besides. */
  constructor(
    private readonly binding: Binding,
    private readonly usesGpu: boolean,
  ) {}

  /** Tensors of these words, good until {@link KEPT} others were asked for. */
  pairOf(words: Int32Array): WordPair {
    const found = this.kept.find((entry) => same(entry.words, words));
    if (found !== undefined) return found;
    // TensorFlow may go on to read the array that it is given.
    const made = new WordPair(this.binding, words.slice(), this.usesGpu);
    this.kept[this.next]?.dispose();
    this.kept[this.next] = made;
    this.next = (this.next + 1) % KEPT;
    return made;
  }
}

function same(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
