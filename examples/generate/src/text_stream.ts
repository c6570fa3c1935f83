/** What a stream needs of a tokenizer. */
export interface TextDecoder {
  decode(ids: readonly number[]): string;
}

/** Ids before the new ones that are decoded along, since decoders join and trim by context. */
const CONTEXT = 5;

/**
 * Turns ids into text as they come. A character whose bytes are spread over several tokens is held back until it is
 * whole: decoders show the bytes so far as U+FFFD.
 */
export class TextStream {
  private readonly ids: number[];
  private contextStart: number;
  private shownEnd: number;

  /** `prompt` is context only; it is not shown. */
  constructor(
    private readonly tokenizer: TextDecoder,
    prompt: readonly number[],
  ) {
    this.ids = [...prompt];
    this.shownEnd = prompt.length;
    this.contextStart = Math.max(0, prompt.length - CONTEXT);
  }

  /** Adds an id; returns the text that is certain now. */
  push(id: number): string {
    this.ids.push(id);
    const text = this.pending();
    if (text === '' || text.endsWith('\uFFFD')) return '';
    this.contextStart = this.shownEnd;
    this.shownEnd = this.ids.length;
    return text;
  }

  /** What was held back, broken characters included. */
  end(): string {
    const text = this.pending();
    this.shownEnd = this.ids.length;
    return text;
  }

  private pending(): string {
    const shown = this.tokenizer.decode(this.ids.slice(this.contextStart, this.shownEnd));
    const all = this.tokenizer.decode(this.ids.slice(this.contextStart));
    return all.slice(shown.length);
  }
}
