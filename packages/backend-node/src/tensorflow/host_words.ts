import type { Binding } from './backend.js';

/** Words that calls repeat: those of all layers of a step are often the same. */
const KEPT = 8;

/** Small int32 tensors by content, so that what the last calls brought is not uploaded again. */
export class HostWords {
  private readonly kept: { words: Int32Array; id: number }[] = [];
  private next = 0;

  constructor(private readonly binding: Binding) {}

  /** TensorFlow's id of a tensor of these words, good until {@link KEPT} others were asked for. */
  idOf(words: Int32Array): number {
    const found = this.kept.find((entry) => same(entry.words, words));
    if (found !== undefined) return found.id;
    // TensorFlow may go on to read the array that it is given.
    const copy = words.slice();
    const id = this.binding.createTensor([copy.length], this.binding.TF_INT32, copy);
    const dropped = this.kept[this.next];
    this.kept[this.next] = { words: copy, id };
    this.next = (this.next + 1) % KEPT;
    if (dropped !== undefined) this.binding.deleteTensor(dropped.id);
    return id;
  }
}

function same(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
