import { expect, test } from '@jest/globals';
import { readReference, TINY_LLAMA } from './fixtures.js';
import { TextStream, type TextDecoder as Decoder } from './text_stream.js';
import { DiskFiles } from './checkpoint/disk_files.js';
import { TextTokenizer } from './tokenizer.js';

/** One id a byte. */
const bytes: Decoder = { decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)) };

function stream(decoder: Decoder, prompt: readonly number[], ids: readonly number[]): string[] {
  const text = new TextStream(decoder, prompt);
  return [...ids.map((id) => text.push(id)), text.end()];
}

test('a character of several tokens comes out whole', () => {
  const ids = [...new TextEncoder().encode('aé🙂')];
  expect(stream(bytes, [65], ids)).toEqual(['a', '', 'é', '', '', '', '🙂', '']);
});

test('a character that is never finished comes out broken, at the end', () => {
  expect(stream(bytes, [], [0xc3]).join('')).toBe('\uFFFD');
  expect(stream(bytes, [], [97, 0xc3, 98]).join('')).toBe('a\uFFFDb');
});

test('blanks that a decoder trims at the start of a text survive in its middle', () => {
  const words = ['one', 'two', 'three'];
  const trimming: Decoder = {
    decode: (ids) =>
      ids
        .map((id) => ` ${words[id]}`)
        .join('')
        .trim(),
  };
  expect(stream(trimming, [0], [1, 2])).toEqual([' two', ' three', '']);
});

const tokenizer = () => TextTokenizer.load(new DiskFiles(TINY_LLAMA), 0) as TextTokenizer;

test.each(readReference('tiny-llama').cases)(
  'streams as Hugging Face decodes: $prompt',
  (given) => {
    const made = given.greedyIds.slice(given.ids.length);
    const text = stream(tokenizer(), given.ids, made).join('');
    expect(`${given.prompt}${text}`).toBe(given.greedyText);
  },
);

test.each(readReference('tiny-llama').cases)('tokenizes as Hugging Face does: $prompt', (given) =>
  expect(tokenizer().encode(given.prompt ?? '')).toEqual(given.ids),
);

test('the text-start token alone, and ids beyond the vocabulary, are no text', () => {
  expect(tokenizer().encode('')).toEqual([0]);
  expect(tokenizer().decode([0])).toBe('');
  expect(tokenizer().decode([0, 5000])).toBe('');
  expect(() => TextTokenizer.load(new DiskFiles(TINY_LLAMA), null)?.encode('')).toThrow(
    'the prompt is empty',
  );
});

test('bytes outside ASCII survive the round trip', () => {
  const text = 'naïve 🙂 — „Wort“ 語';
  const ids = tokenizer().encode(text);
  expect(stream(tokenizer(), [0], ids.slice(1)).join('')).toBe(text);
});
