import {
  ATTENTION_PARAMS,
  CACHE_PARAMS,
  type KvCacheLayout,
  type Precision,
} from '@tfjs-attention/core/provider';
import { askedThreads } from '../threads.js';

/** As `kWireVersion` in kernels/node/call.h. */
export const WIRE_VERSION = 4;

/** How query, output and dense keys lie, by the number that ops know it under. */
export const TENSOR_ORDERS = { bsnh: 0, bnsh: 1, packed: 2 } as const;

/** As `CudaPrecision` in kernels/cuda/attention.h. */
const PRECISIONS: Readonly<Record<Precision, number>> = { float32: 0, bfloat16: 2, float16: 3 };

/** What stands in front of every params tensor, beside version and threads (`CallHeader` in kernels/node/call.h). */
export interface CallHeader {
  readonly order: keyof typeof TENSOR_ORDERS;
  /** 0 = no cache. */
  readonly numBlocks: number;
  /** 1, 2: scales of keys and of values are one a head; 4: values are in the keys. */
  readonly cacheBits: number;
  /** Default 'float32'. Kernels of the processor compute in float32 always. */
  readonly precision?: Precision;
}

const HEADER_WORDS = 6;

/** Packs params as ops read them: header, then the fields in table order, floats as their bits. */
class Wire<Name extends string> {
  private readonly names: readonly Name[];
  private readonly isFloat: readonly boolean[];
  private readonly words: Int32Array;
  private readonly floats: Float32Array;

  constructor(table: Readonly<Record<Name, string>>) {
    this.names = Object.keys(table) as Name[];
    this.isFloat = this.names.map((name) => table[name] === 'f32');
    this.words = new Int32Array(HEADER_WORDS + this.names.length);
    this.floats = new Float32Array(this.words.buffer);
  }

  /** Good until the next call. Objects whose keys stand in table order are read fastest. */
  pack(
    { order, numBlocks, cacheBits, precision = 'float32' }: CallHeader,
    values: Readonly<Record<Name, number>>,
  ): Int32Array {
    const { names, isFloat, words, floats } = this;
    words[0] = WIRE_VERSION;
    words[1] = askedThreads();
    words[2] = TENSOR_ORDERS[order];
    words[3] = numBlocks;
    words[4] = cacheBits;
    words[5] = PRECISIONS[precision];
    const keys = Object.keys(values);
    const entries: number[] = Object.values(values);
    for (let i = 0; i < names.length; i++) {
      const value = keys[i] === names[i] ? entries[i] : values[names[i]];
      if (isFloat[i]) floats[HEADER_WORDS + i] = value;
      else words[HEADER_WORDS + i] = value;
    }
    return words;
  }
}

export const attentionWire = new Wire(ATTENTION_PARAMS);
export const cacheWire = new Wire(CACHE_PARAMS);

/** Header of a call over a cache, seen in blocks of `blockSize`. Scales one a head lie in the cache itself. */
export function cacheHeader(layout: KvCacheLayout, blockSize = layout.blockSize): CallHeader {
  const { kScale, vScale, valueInKey } = layout;
  const numBlocks = (layout.numBlocks * layout.blockSize) / blockSize;
  const perHead = (scale: number | Float32Array) => typeof scale !== 'number';
  const cacheBits =
    (perHead(kScale) ? 1 : 0) | (perHead(vScale) && !valueInKey ? 2 : 0) | (valueInKey ? 4 : 0);
  return { order: 'packed', numBlocks, cacheBits };
}
