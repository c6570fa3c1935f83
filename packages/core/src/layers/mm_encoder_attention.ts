import { reshape, tidy, type serialization, type Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { kernelStrategyOf, type AttentionBackendEnum } from '../backends/names.js';
import { backendToClass } from '../backends/registry.js';
import { UnsupportedError } from '../errors.js';
import { flashAttnVarlenFunc } from '../ops/flash_attn_varlen.js';
import { flashAttention } from '../ops/flash_attention.js';
import { checkCuSeqlens } from '../problem/cu_seqlens.js';
import { check, checkFinite, checkHeads, checkInt, shapeText } from '../problem/checks.js';
import type { FlashAttentionOptions } from '../problem/options.js';
import { readBackendName, type AttentionConfig } from './attention_config.js';
import { isApart, splitHeads } from './heads.js';
import { kerasKeyMask, scoreMask, type MaskKwargs } from './keras_mask.js';
import { registerLayerClass, unnamed } from './serializable.js';
import { protectConfig, restoreArgs, restoreConfig } from './serialized.js';

type Shape = (number | null)[];

export interface MMEncoderAttentionArgs extends NonNullable<
  ConstructorParameters<typeof layers.Layer>[0]
> {
  /** N */
  numHeads: number;
  /** H */
  headSize: number;
  /** Softmax scale; default 1 / sqrt(H). */
  scale?: number;
  /** K; default N. */
  numKvHeads?: number;
  /** vLLM's word for `name`. */
  prefix?: string;
  /** `[n + 1]` prefix sums of segments of the B * S tokens, for every call; a call's own come first. Default: none. */
  cuSeqlens?: readonly number[] | Int32Array | null;
  /** A strategy, whose kernels serve; default 'auto'. */
  attnBackend?: AttentionBackendEnum | 'auto';
}

/** What a call may bring. */
export interface MMEncoderCallArgs extends MaskKwargs {
  cuSeqlens?: Int32Array | null;
}

/**
 * Attention of a vision or audio encoder (vLLM `MMEncoderAttention`, before that `MultiHeadAttention`): both ways, no
 * cache. Inputs `[q, k, v]`, each `[B, S, N*H]` or `[B, S, N, H]`, or one packed `[B, S, (N+2K)*H]`; keys may have another
 * length and fewer heads. The output has q's form.
 *
 * With `cuSeqlens`, tokens of the whole batch, B * S in order, attend within their segment only: the images of one pass, or
 * windows of an image. A Keras mask `[B, S]` hides padded keys; it and `cuSeqlens` exclude each other.
 *
 * ```js
 * const layer = new MMEncoderAttention({numHeads: 8, headSize: 72});
 * layer.forward(q, k, v, Int32Array.of(0, 4, 10));  // tokens 0-3 and 4-9 do not see each other
 * ```
 *
 * @throws InvalidArgumentError for heads that do not divide, shapes, or segments that do not cover the tokens.
 */
export class MMEncoderAttention extends layers.Layer {
  static className = 'tfjs_attention>MMEncoderAttention';
  readonly config: Pick<AttentionConfig, 'numHeads' | 'headSize' | 'scale' | 'numKvHeads'> & {
    cuSeqlens: readonly number[] | null;
    attnBackend: AttentionBackendEnum | 'auto';
  };

  constructor(given: MMEncoderAttentionArgs) {
    const args = restoreArgs(given);
    super({ ...args, name: args.prefix || args.name || unnamed(new.target.className) });
    const op = new.target.name;
    const { numHeads, headSize } = args;
    const attnBackend = readBackendName(op, args.attnBackend);
    const { scale = 1 / Math.sqrt(headSize), numKvHeads = numHeads } = args;
    checkInt(numHeads, op, 'numHeads', 1);
    checkInt(headSize, op, 'headSize', 1);
    checkInt(numKvHeads, op, 'numKvHeads', 1);
    checkHeads(op, numHeads, numKvHeads);
    checkFinite(scale, op, 'scale');
    const cuSeqlens = args.cuSeqlens ? [...args.cuSeqlens] : null;
    if (cuSeqlens) checkCuSeqlens(op, 'cuSeqlens', Int32Array.from(cuSeqlens));
    this.config = { numHeads, headSize, scale, numKvHeads, cuSeqlens, attnBackend };
    this.supportsMasking = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs: MMEncoderCallArgs = {}): Tensor {
    const op = `${this.constructor.name} '${this.name}'`;
    return tidy(() => {
      const list = Array.isArray(inputs) ? inputs : [inputs];
      const { numHeads, headSize } = this.config;
      const { q, k, v, mask, leading, apart } = splitHeads(op, list, this.headsConfig());
      check(
        q.rank === 4 && k !== null && v !== null,
        op,
        `q must be [B, S, N*H] or [B, S, N, H], got ${shapeText(list[0].shape)}`,
      );
      const keys = list[1] ?? list[0];
      const out = this.attend(op, q, k, v, { mask, keys, kwargs });
      return reshape(out, [...leading, ...(apart ? [numHeads, headSize] : [numHeads * headSize])]);
    });
  }

  /**
   * As vLLM calls it. `maxSeqlen` and `sequenceLengths` follow from `cuSeqlens` and are there for the signature's sake.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cuSeqlens?: Int32Array | null,
    _maxSeqlen?: number | null,
    _sequenceLengths?: Int32Array | null,
  ): Tensor {
    return this.call([query, key, value], { cuSeqlens });
  }

  private attend(
    op: string,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    { mask, keys, kwargs }: { mask: Tensor | null; keys: Tensor; kwargs: MMEncoderCallArgs },
  ): Tensor {
    const { scale, attnBackend } = this.config;
    if (attnBackend !== 'auto') checkReachable(op, attnBackend);
    const options: FlashAttentionOptions & { returnLse?: false } = {
      softmaxScale: scale,
      implementation: attnBackend === 'auto' ? 'auto' : kernelStrategyOf(attnBackend),
    };
    const [batch, numKeys] = k.shape;
    const visible = mask ?? kerasKeyMask(keys, batch, numKeys, kwargs, true);
    const { cuSeqlens = this.config.cuSeqlens } = kwargs ?? {};
    if (cuSeqlens == null) {
      const masked = visible && { mask: scoreMask(op, visible, batch) };
      return flashAttention(q, k, v, { ...options, ...masked });
    }
    check(
      visible === null,
      op,
      'cuSeqlens and a mask exclude each other: leave padding out of the segments',
    );
    check(
      numKeys === q.shape[1],
      op,
      `cuSeqlens needs as many keys as queries, got ${numKeys} and ${q.shape[1]}`,
    );
    const segments = Int32Array.from(cuSeqlens);
    checkCuSeqlens(op, 'cuSeqlens', segments, batch * numKeys);
    const packed = (x: Tensor) => reshape(x, [-1, ...x.shape.slice(2)]);
    return flashAttnVarlenFunc(packed(q), packed(k), packed(v), {
      ...options,
      cuSeqlensQ: segments,
    });
  }

  private headsConfig(): Parameters<typeof splitHeads>[2] {
    const { headSize } = this.config;
    return {
      ...this.config,
      valueHeadSize: headSize,
      attnType: 'encoder',
      kvSharingTargetLayerName: null,
    };
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const { numHeads, headSize } = this.config;
    const several = Array.isArray(inputShape[0]);
    const q = (several ? inputShape[0] : inputShape) as Shape;
    const apart = several && isApart(q, numHeads, headSize);
    return [...q.slice(0, -1), apart ? headSize : numHeads * headSize];
  }

  override computeMask(_inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor | Tensor[] {
    return Array.isArray(mask) ? mask[0] : (mask as Tensor);
  }

  override getConfig(): serialization.ConfigDict {
    const own = this.config as unknown as serialization.ConfigDict;
    return { ...super.getConfig(), ...protectConfig(own) };
  }

  static override fromConfig<T extends serialization.Serializable>(
    cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new cls(restoreConfig(config));
  }
}

/** @throws UnsupportedError for a strategy that nothing here runs. */
function checkReachable(op: string, name: AttentionBackendEnum): void {
  const reason = backendToClass(name).unreachable();
  if (reason !== null) throw new UnsupportedError(`${op}: attnBackend ${name}`, [reason]);
}

registerLayerClass(MMEncoderAttention);
