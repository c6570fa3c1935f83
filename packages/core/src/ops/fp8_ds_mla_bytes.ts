import type { KvBlockBytes } from '../kv_cache/layout.js';

/** vLLM's `fp8_ds_mla`: e4m3 lanes, a float32 scale for each tile of them, bfloat16 rope lanes. */
export const DS_MLA = { latent: 512, tile: 128, rope: 64, bytes: 656 } as const;

const SCALES = DS_MLA.latent / DS_MLA.tile;

/** Where the parts of a token lie: in its 656 bytes, and as so many bytes a token of one half of a cache. */
interface Part {
  readonly at: number;
  readonly size: number;
  readonly from: (latent: KvBlockBytes, rope: KvBlockBytes) => ArrayBufferView;
}

/** A half that a cache of its type always has. */
function there(scales: Float32Array | undefined): Float32Array {
  return scales ?? new Float32Array(0);
}

const HALF = DS_MLA.latent / 2;
const SCALES_AT = DS_MLA.latent;
const ROPE_AT = SCALES_AT + SCALES * 4;

const PARTS: readonly Part[] = [
  { at: 0, size: HALF, from: ({ key }) => key },
  { at: HALF, size: HALF, from: ({ value }) => value },
  { at: SCALES_AT, size: SCALES * 2, from: ({ keyScales }) => there(keyScales) },
  { at: SCALES_AT + SCALES * 2, size: SCALES * 2, from: ({ valueScales }) => there(valueScales) },
  { at: ROPE_AT, size: DS_MLA.rope, from: (_, { key }) => key },
  { at: ROPE_AT + DS_MLA.rope, size: DS_MLA.rope, from: (_, { value }) => value },
];

/** Tokens in upstream's bytes. */
export function packTokens(latent: KvBlockBytes, rope: KvBlockBytes, tokens: number): Uint8Array {
  const packed = new Uint8Array(tokens * DS_MLA.bytes);
  eachPart(latent, rope, tokens, packed, (part, place) => place.set(part));
  return packed;
}

/** Upstream's bytes as the blocks of the two caches. */
export function unpackTokens(
  packed: Uint8Array,
  tokens: number,
): [latent: KvBlockBytes, rope: KvBlockBytes] {
  const half = (bytes: number) => new Uint8Array(tokens * bytes);
  const scales = () => new Float32Array((tokens * SCALES) / 2);
  const latent = { key: half(HALF), value: half(HALF), keyScales: scales(), valueScales: scales() };
  const rope = { key: half(DS_MLA.rope), value: half(DS_MLA.rope) };
  eachPart(latent, rope, tokens, packed, (part, place) => part.set(place));
  return [latent, rope];
}

/** Visits each token's part in the blocks beside its place in the packed bytes. */
function eachPart(
  latent: KvBlockBytes,
  rope: KvBlockBytes,
  tokens: number,
  packed: Uint8Array,
  visit: (part: Uint8Array, place: Uint8Array) => void,
): void {
  for (const { at, size, from } of PARTS) {
    const { buffer, byteOffset, byteLength } = from(latent, rope);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let token = 0; token < tokens; token++) {
      const start = token * DS_MLA.bytes + at;
      visit(bytes.subarray(token * size, (token + 1) * size), packed.subarray(start, start + size));
    }
  }
}
