/** Tokens of a text are its UTF-8 bytes, so that every text has some. */
export const BYTE_VOCAB = 256;

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * tokenizer.json of a vocabulary of bytes, as Hugging Face's byte-level models write it: byte b is a character that can be
 * seen, itself where it is one in Latin-1, else the next free one from U+0100 on (Radford et al., GPT-2, 2019).
 */
export function tokenizerJson(): object {
  let next = 0x100;
  const characters = Array.from({ length: BYTE_VOCAB }, (_, byte) => {
    const isVisible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(isVisible ? byte : next++);
  });
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, // prettier-ignore
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(characters.map((character, byte) => [character, byte])),
      merges: [],
    },
  };
}
