import * as tf from '@tensorflow/tfjs-core';
import {
  ATTENTION_OPERANDS,
  ATTENTION_PARAMS,
  CACHE_PARAMS,
  KERNEL_NAMES,
  cacheParamsOf,
  KV_CACHE_DTYPES,
  type AttentionInts,
  type AttentionKernels,
  type AttentionParams,
  type AttentionProblem,
  type KvBlockBytes,
  type KvStorage,
} from '@tfjs-attention/core/provider';
import type { ReferenceInputs } from '@tfjs-attention/core/reference';
import { packParams, type Blob, type CaseFile } from './case_file.js';
import { judge } from './judged.js';
import { storedReader } from './stored.js';

type Inputs = Readonly<Record<string, tf.TensorInfo | undefined>>;
/** Training has no kernels there. */
type Recorded = Exclude<keyof AttentionKernels, 'TfjsAttnBackward'>;
type Attrs<Name extends Recorded> = AttentionKernels[Name]['attrs'];
const isRecorded = (name: string): name is Recorded => name !== 'TfjsAttnBackward';

/** Multiply-adds of the oracle, and bytes of a case, above which a call is left out. */
const MOST_WORK = 2e7;
const MOST_BYTES = 3e5;

/**
 * Stands in front of the kernels of tfjs 'cpu': every call runs as before and is written down, with operands as kernels
 * get them and the answer it must have. Attention is judged by the oracle, merges by their definition in float64;
 * bytes and gathered values are those of the kernels, which the shared suite compares with core's.
 */
export class Recorder {
  /** What is running; becomes the name of its calls. */
  title = '';
  leftOut = 0;
  /** Larger cases are left out. */
  mostBytes = MOST_BYTES;
  private readonly seen = new Set<string>();

  constructor(private readonly file: CaseFile) {
    for (const name of KERNEL_NAMES.filter(isRecorded)) this.wrap(name);
  }

  private wrap(kernelName: Recorded): void {
    const { kernelFunc } = tf.getKernel(kernelName, 'cpu');
    tf.unregisterKernel(kernelName, 'cpu');
    tf.registerKernel({
      kernelName,
      backendName: 'cpu',
      kernelFunc: (call) => {
        const attrs = call.attrs as unknown;
        const inputs: Inputs = call.inputs;
        const before =
          kernelName === 'TfjsAttnReshapeAndCache'
            ? bytesOf((attrs as Attrs<'TfjsAttnReshapeAndCache'>).storage)
            : undefined;
        const outputs = kernelFunc(call);
        this.record(kernelName, inputs, attrs, [outputs].flat(), before);
        return outputs;
      },
    });
  }

  private record(
    kernel: Recorded,
    inputs: Inputs,
    attrs: unknown,
    outputs: readonly tf.TensorInfo[],
    before: KvBlockBytes | undefined,
  ): void {
    switch (kernel) {
      case 'TfjsAttnPrefill':
        return this.attention((attrs as Attrs<'TfjsAttnPrefill'>).problem, inputs);
      case 'TfjsAttnPaged': {
        const { problem, storage } = attrs as Attrs<'TfjsAttnPaged'>;
        return this.attention(problem, inputs, storage);
      }
      case 'TfjsAttnReshapeAndCache': {
        const { plan, storage } = attrs as Attrs<'TfjsAttnReshapeAndCache'>;
        const after = bytesOf(storage);
        return this.cache('cacheWrite', storage, before, plan.slotMapping as Int32Array, [
          read(inputs.k),
          read(inputs.v),
          after.key,
          after.value,
          after.keyScales,
          after.valueScales,
        ]);
      }
      case 'TfjsAttnGatherCache': {
        const { slots, storage } = attrs as Attrs<'TfjsAttnGatherCache'>;
        const [k, v] = outputs.map(read);
        return this.cache('cacheGather', storage, bytesOf(storage), slots, [k, v]);
      }
      case 'TfjsAttnMergeStates':
        return this.merge(inputs);
      case 'TfjsAttnConvertFp8': {
        const { scale, dtype, decode } = attrs as Attrs<'TfjsAttnConvertFp8'>;
        const [x, y] = [read(inputs.x), read(outputs[0])];
        return this.add(decode ? 'fp8Decode' : 'fp8Encode', [
          Float32Array.of(scale),
          Int32Array.of(KV_CACHE_DTYPES.indexOf(dtype)),
          decode ? Uint8Array.from(x as Int32Array) : x,
          decode ? y : Uint8Array.from(y as Int32Array),
        ]);
      }
    }
  }

  /** The same bytes are written once, whoever made the call. */
  private add(kind: Parameters<CaseFile['add']>[0], blobs: readonly Blob[]): void {
    if (blobs.reduce((sum, blob) => sum + (blob?.byteLength ?? 0), 0) > this.mostBytes) {
      this.leftOut++;
      return;
    }
    const key = kind + fingerprint(blobs);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.file.add(kind, this.title, blobs);
  }

  private attention(problem: AttentionProblem, inputs: Inputs, storage?: KvStorage): void {
    const { params, ints } = problem;
    if (workOf(params, ints) > MOST_WORK) {
      this.leftOut++;
      return;
    }
    const bytes = storage && bytesOf(storage);
    const operands: Record<string, Blob> = {
      ...ints,
      ...Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, read(x)])),
      ...(bytes && cacheOperands(storage, bytes)),
    };
    const reader = storage
      ? storedReader(storage.layout, bytes as KvBlockBytes, params, ints)
      : denseReader(params, operands as { k: Float32Array; v: Float32Array });
    const host = operands as unknown as Omit<ReferenceInputs, 'key' | 'value'>;
    const { output, lse, limits } = judge(problem, { ...host, ...reader });
    this.add('attention', [
      packParams(ATTENTION_PARAMS, params),
      ...Object.keys(ATTENTION_OPERANDS)
        .filter((name) => name !== 'out' && name !== 'lse')
        .map((name) => operands[name]),
      output,
      lse,
      limits,
    ]);
  }

  private cache(
    kind: 'cacheWrite' | 'cacheGather',
    storage: KvStorage,
    bytes: KvBlockBytes | undefined,
    slots: Int32Array,
    expected: readonly Blob[],
  ): void {
    const { layout } = storage;
    const params = cacheParamsOf(layout, slots.length);
    const { k, v, kHeadScales, vHeadScales, kTokenScales, vTokenScales } = cacheOperands(
      storage,
      bytes as KvBlockBytes,
    );
    const numbers = params as unknown as Record<string, number>;
    const operands = [k, v, slots, kHeadScales, vHeadScales, kTokenScales, vTokenScales];
    this.add(kind, [packParams(CACHE_PARAMS, numbers), ...operands, ...expected]);
  }

  private merge(inputs: Inputs): void {
    const [outA, lseA, outB, lseB, sinks] = ['outputA', 'lseA', 'outputB', 'lseB', 'sinks'].map(
      (name) => read(inputs[name]) as Float32Array | undefined,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array | undefined];
    const [tokens, heads, size] = inputs.outputA?.shape as [number, number, number];
    const output = new Float64Array(outA.length);
    const lse = lseA.map((_, row) => {
      // An lse of +Infinity counts as -Infinity.
      const [a, b] = [lseA[row], lseB[row]].map((x) => (x === Infinity ? -Infinity : x));
      const m = Math.max(a, b);
      if (m === -Infinity) return -Infinity;
      const [shareA, shareB] = [Math.exp(a - m), Math.exp(b - m)];
      const sum = shareA + shareB + Math.exp((sinks?.[row % heads] ?? -Infinity) - m);
      for (let d = row * size; d < (row + 1) * size; d++) {
        output[d] = ((shareA && shareA * outA[d]) + (shareB && shareB * outB[d])) / sum;
      }
      return m + Math.log(shareA + shareB);
    });
    this.add('mergeStates', [
      Int32Array.of(tokens, heads, size), outA, lseA, outB, lseB, sinks, output, Float64Array.from(lse),
    ]); // prettier-ignore
  }
}

function read(info: tf.TensorInfo | undefined): Blob {
  if (info === undefined) return undefined;
  const values = tf.engine().backend.readSync(info.dataId) as
    Float32Array | Int32Array | Uint8Array;
  return info.dtype === 'bool' ? Uint8Array.from(values) : values.slice();
}

function bytesOf(storage: KvStorage): KvBlockBytes {
  const blocks = Array.from({ length: storage.layout.numBlocks }, (_, block) => block);
  const bytes = storage.readBlocks(blocks);
  if (bytes instanceof Promise) throw new Error('a recorder needs storage that is read at once');
  return bytes;
}

function cacheOperands({ layout }: KvStorage, bytes: KvBlockBytes) {
  const perHead = (scale: number | Float32Array) => (typeof scale === 'number' ? undefined : scale);
  return {
    k: bytes.key,
    v: bytes.value,
    kHeadScales: perHead(layout.kScale),
    vHeadScales: perHead(layout.vScale),
    kTokenScales: bytes.keyScales,
    vTokenScales: bytes.valueScales,
  };
}

function denseReader(params: AttentionParams, { k, v }: { k: Float32Array; v: Float32Array }) {
  const at = (side: 'k' | 'v') => (b: number, j: number, head: number, lane: number) =>
    b * params[`${side}StrideBatch`] +
    j * params[`${side}StrideToken`] +
    head * params[`${side}StrideHead`] +
    lane;
  const [kAt, vAt] = [at('k'), at('v')];
  return {
    key: (b: number, j: number, head: number, lane: number) => k[kAt(b, j, head, lane)],
    value: (b: number, j: number, head: number, lane: number) => v[vAt(b, j, head, lane)],
  };
}

function workOf(params: AttentionParams, { queryStartLoc, seqLens }: AttentionInts): number {
  const { numHeads, headSize, valueHeadSize, maxQueryLen } = params;
  let pairs = 0;
  seqLens.forEach((length, b) => {
    const queries = queryStartLoc ? queryStartLoc[b + 1] - queryStartLoc[b] : maxQueryLen;
    pairs += queries * length;
  });
  return pairs * numHeads * (headSize + valueHeadSize);
}

/** Two FNV-1a hashes of all bytes. */
function fingerprint(blobs: readonly Blob[]): string {
  let [a, b] = [0x811c9dc5, 0x1234567];
  for (const blob of blobs) {
    if (blob === undefined) {
      a = Math.imul(a ^ 0x100, 0x01000193);
      continue;
    }
    for (const byte of new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength)) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b ^ byte, 0x5bd1e995) ^ (b >>> 15);
    }
  }
  return `${a}:${b}`;
}
