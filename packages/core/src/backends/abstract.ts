import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import type { AttentionMetadataBuilder } from '../metadata/builder.js';
import type { Precision } from '../problem/spec.js';
import { AttentionType } from './attention_type.js';
import type { AttentionImplClass, KvCacheDtypeName } from './impl.js';
import type { AttentionMetadata } from './metadata.js';
import type { MLAAttentionImplClass } from './mla_impl.js';
import { MultipleOf, takesBlockSize, type BlockSize } from './multiple_of.js';
import { ownKernelStrategy, type KernelStrategy } from './names.js';
import {
  completeConfig,
  type AttnSelectorConfig,
  type CompleteSelectorConfig,
} from './selector_config.js';
import { reasonsAgainst } from './validate.js';

/** A class of {@link AttentionMetadata}, with whatever its constructor takes. */
export type AttentionMetadataClass = new (...args: never[]) => AttentionMetadata;

/** A class of {@link AttentionMetadataBuilder}. */
export type AttentionMetadataBuilderClass = (new (
  ...args: ConstructorParameters<typeof AttentionMetadataBuilder>
) => AttentionMetadataBuilder) &
  Pick<typeof AttentionMetadataBuilder, 'cudagraphSupport' | 'getCudagraphSupport'> & {
    readonly name: string;
  };

/**
 * A strategy (vLLM `AttentionBackend`): static facts, never instantiated. `validateConfiguration` judges a problem by
 * them; `getImplCls` and `getBuilderCls` bring the maths and the metadata that go with it.
 *
 * dtypes are what a strategy computes in. tfjs tensors are float32 and every kernel here takes them, so each strategy
 * lists 'float32' beside what vLLM's lists: the one fact that is adapted throughout.
 */
export abstract class AttentionBackend {
  /** Whether vLLM's layer preallocates the output. tfjs tensors are immutable; here it only rules the output's shape. */
  static readonly acceptOutputBuffer: boolean = false;
  /** Whether `forward` writes the cache itself. */
  static readonly forwardIncludesKvCacheUpdate: boolean = true;

  /** The name that selectors, flags and the environment take. */
  static getName(): string {
    return missing(this, 'getName');
  }

  static getImplCls(): AttentionImplClass {
    return missing(this, 'getImplCls');
  }

  /** The maths of its latent attention, which layers of MLA take instead of {@link getImplCls}. */
  static getMlaImplCls(): MLAAttentionImplClass {
    return missing(this, 'getMlaImplCls');
  }

  static getMetadataCls(): AttentionMetadataClass {
    return missing(this, 'getMetadataCls');
  }

  static getBuilderCls(): AttentionMetadataBuilderClass {
    return missing(this, 'getBuilderCls');
  }

  /** An instance of {@link getMetadataCls}. */
  static makeMetadata(...args: unknown[]): AttentionMetadata {
    return new (this.getMetadataCls() as new (...args: unknown[]) => AttentionMetadata)(...args);
  }

  /** Which kernels serve it. */
  static getKernelStrategy(): KernelStrategy {
    return ownKernelStrategy(this.getName());
  }

  /**
   * The shape under which vLLM addresses a cache, keys and values together; P blocks, C tokens. Storage here is one
   * `[P, C, K, H]` for keys and one `[P, C, K, Hv]` for values whatever the strategy, so caches may change hands.
   */
  static getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    numKvHeads: number,
    headSize: number,
    _cacheDtypeStr: KvCacheDtypeName = 'auto',
  ): number[] {
    return [2, numBlocks, blockSize, numKvHeads, headSize];
  }

  /** Axes of {@link getKvCacheShape} from slowest to fastest in vLLM's memory. */
  static getKvCacheStrideOrder(): number[] {
    return this.getKvCacheShape(1, 1, 1, 1).map((_, axis) => axis);
  }

  /** The layout that it insists on, or null. */
  static getRequiredKvCacheLayout(): 'NHD' | 'HND' | null {
    return null;
  }

  /** Which axis of {@link getKvCacheShape} counts blocks. */
  static getKvCacheBlockDim(blockSize: number, numKvHeads: number, headSize: number): number {
    const count = 1234567;
    return this.getKvCacheShape(count, blockSize, numKvHeads, headSize).indexOf(count);
  }

  /** Module and name of the class: layers of equal ones may share a builder. */
  static fullClsName(): readonly [module: string, name: string] {
    return ['@tfjs-attention/core/backends', this.name];
  }

  static getSupportedDtypes(): readonly Precision[] {
    return ['float32', 'float16', 'bfloat16'];
  }

  /** Empty = any. */
  static getSupportedHeadSizes(): readonly number[] {
    return [];
  }

  static getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return ['auto', 'float32', 'float16', 'bfloat16'];
  }

  static getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(1)];
  }

  /** The block size to take where the user names none. */
  static getPreferredBlockSize(defaultBlockSize: number): number {
    if (this.supportsBlockSize(defaultBlockSize)) return defaultBlockSize;
    const [first] = this.getSupportedKernelBlockSize();
    return first instanceof MultipleOf ? first.base : first;
  }

  static supportsHeadSize(headSize: number): boolean {
    const sizes = this.getSupportedHeadSizes();
    return sizes.length === 0 || sizes.includes(headSize);
  }

  /** @throws InvalidArgumentError that lists the sizes. */
  static validateHeadSize(headSize: number): void {
    if (this.supportsHeadSize(headSize)) return;
    throw new InvalidArgumentError(
      `${this.getName()}: head size ${headSize} is not supported (${this.headSizesText()}); ` +
        'FLEX_ATTENTION, FUSED and COMPOSED take every head size',
    );
  }

  /** For messages. */
  static headSizesText(): string {
    return `it takes ${this.getSupportedHeadSizes().join(', ')}`;
  }

  static supportsDtype(dtype: Precision): boolean {
    return this.getSupportedDtypes().includes(dtype);
  }

  static supportsKvCacheDtype(dtype: KvCacheDtypeName | null): boolean {
    return dtype === null || this.getSupportedKvCacheDtypes().includes(dtype);
  }

  static supportsBlockSize(blockSize: number | null): boolean {
    return blockSize === null || takesBlockSize(this.getSupportedKernelBlockSize(), blockSize);
  }

  static supportsAttnType(attnType: AttentionType): boolean {
    return attnType === AttentionType.DECODER;
  }

  static isMla(): boolean {
    return false;
  }

  /** Whether it serves latent attention; those that {@link isMla} serve nothing else. */
  static supportsMla(): boolean {
    return this.isMla();
  }

  static isSparse(): boolean {
    return false;
  }

  static supportsSink(): boolean {
    return false;
  }

  static supportsSlidingWindow(): boolean {
    return true;
  }

  static supportsSoftCap(): boolean {
    return true;
  }

  static supportsAlibi(): boolean {
    return true;
  }

  /** Biases of -slope * sqrt(distance). */
  static supportsAlibiSqrt(): boolean {
    return false;
  }

  static supportsKvSharing(): boolean {
    return true;
  }

  static supportsNonCausal(): boolean {
    return false;
  }

  static supportsMmPrefix(): boolean {
    return false;
  }

  static supportsPerHeadQuantScales(): boolean {
    return false;
  }

  static supportsBatchInvariance(): boolean {
    return false;
  }

  static supportsKvConnector(): boolean {
    return true;
  }

  static supportsPcp(): boolean {
    return false;
  }

  /** Why no machine that JavaScript reaches can run it, or null. */
  static unreachable(): string | null {
    return null;
  }

  /** vLLM asks whether a GPU generation runs it; here, whether anything does. */
  static supportsComputeCapability(): boolean {
    return this.unreachable() === null;
  }

  /** A reason against a combination that each fact by itself allows, or null. */
  static supportsCombination(_config: CompleteSelectorConfig): string | null {
    return null;
  }

  /**
   * Reasons against serving a problem, each '<thing> not supported...'; empty = valid. It looks at the strategy's own
   * facts alone, not at which kernels are loaded: `explainAttnBackend` does both.
   *
   * ```js
   * FlashAttentionBackend.validateConfiguration({headSize: 64, blockSize: 8});
   * // ['block_size not supported: 8 is not a multiple of 16']
   * ```
   *
   * @throws InvalidArgumentError for a head or block size that is no integer >= 1.
   */
  static validateConfiguration(config: AttnSelectorConfig): string[] {
    return reasonsAgainst(this, completeConfig(`${this.getName()}.validateConfiguration`, config));
  }
}

function missing(cls: typeof AttentionBackend, member: string): never {
  throw new UnsupportedError(`${cls.name}.${member}`, [
    'an abstract strategy has none; its subclasses do',
  ]);
}
