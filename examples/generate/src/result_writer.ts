import { TextStream } from './text_stream.js';
import type { TextTokenizer } from './tokenizer.js';

/** Writes a run's result as it comes. */
export interface ResultWriter {
  /** The prompt has been read. */
  start(): void;
  token(id: number): void;
  end(ids: readonly number[]): void;
}

/** One line of comma-separated ids at the end. */
export function idWriter(write: (text: string) => void): ResultWriter {
  return {
    start: () => undefined,
    token: () => undefined,
    end: (ids) => write(`${ids.join(',')}\n`),
  };
}

/** The prompt and its continuation, each token as soon as its text is certain. */
export function textWriter(
  tokenizer: TextTokenizer,
  promptIds: readonly number[],
  write: (text: string) => void,
): ResultWriter {
  const stream = new TextStream(tokenizer, promptIds);
  return {
    start: () => write(tokenizer.decode(promptIds)),
    token: (id) => write(stream.push(id)),
    end: () => write(`${stream.end()}\n`),
  };
}

/** All of them, in order. */
export function joinWriters(writers: readonly ResultWriter[]): ResultWriter {
  return {
    start: () => writers.forEach((writer) => writer.start()),
    token: (id) => writers.forEach((writer) => writer.token(id)),
    end: (ids) => writers.forEach((writer) => writer.end(ids)),
  };
}
