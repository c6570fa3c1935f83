import type { Cell } from './grid.js';

/** Host data of a cell, token-major: q `[S, N, H]`, k and v `[S', K, H]`. Other layouts are made once, untimed. */
export interface Inputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** `[N, S, H]`, `[K, S', H]` */
  headMajor(name: 'q' | 'k' | 'v'): Float32Array;
  /** `[K, S' - S, H]`: everything before the query tokens. */
  past(name: 'k' | 'v'): Float32Array;
  /** `[S, K, H]`: the query tokens', which come last. */
  last(name: 'k' | 'v'): Float32Array;
}

/** A prime, so that no row of a cell repeats at a power of two. */
const POOL = 1_000_003;
let pool: Float32Array | undefined;

/** The same normal numbers in every run. */
export function makeInputs(cell: Cell): Inputs {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen } = cell;
  const host = {
    q: numbers(queryLen * numHeads * headSize, 1),
    k: numbers(seqLen * numKvHeads * headSize, 300_007),
    v: numbers(seqLen * numKvHeads * headSize, 600_011),
  };
  const made = new Map<string, Float32Array>();
  const once = (key: string, make: () => Float32Array): Float32Array => {
    const found = made.get(key) ?? make();
    made.set(key, found);
    return found;
  };
  return {
    ...host,
    headMajor: (name) =>
      once(name, () =>
        name === 'q'
          ? toHeadMajor(host.q, queryLen, numHeads, headSize)
          : toHeadMajor(host[name], seqLen, numKvHeads, headSize),
      ),
    past: (name) =>
      once(`past ${name}`, () => toHeadMajor(host[name], seqLen - queryLen, numKvHeads, headSize)),
    last: (name) => host[name].subarray((seqLen - queryLen) * numKvHeads * headSize),
  };
}

/** `[tokens, heads, size]` to `[heads, tokens, size]`; longer data are cut at `tokens`. */
export function toHeadMajor(
  data: Float32Array,
  tokens: number,
  heads: number,
  size: number,
): Float32Array {
  const out = new Float32Array(tokens * heads * size);
  for (let token = 0; token < tokens; token++) {
    for (let head = 0; head < heads; head++) {
      const from = (token * heads + head) * size;
      out.set(data.subarray(from, from + size), (head * tokens + token) * size);
    }
  }
  return out;
}

function numbers(count: number, from: number): Float32Array {
  pool ??= normals(POOL);
  const out = new Float32Array(count);
  for (let done = 0, at = from % POOL; done < count; at = 0) {
    const part = pool.subarray(at, at + Math.min(POOL - at, count - done));
    out.set(part, done);
    done += part.length;
  }
  return out;
}

/** Standard normal numbers by Box and Muller over xorshift32. */
function normals(count: number): Float32Array {
  let state = 0x9e3779b9;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
