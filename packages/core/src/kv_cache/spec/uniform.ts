import type { VllmConfig } from '../../config.js';
import { UnsupportedError } from '../../errors.js';
import { check } from '../../problem/checks.js';
import type { KvCacheDtype } from '../../problem/params.js';
import { KvCacheSpec } from './base.js';
import { CrossAttentionSpec } from './encoder.js';
import { FullAttentionSpec, RSWASpec, SinkFullAttentionSpec } from './full.js';
import { ChunkedLocalAttentionSpec, SlidingWindowSpec } from './local.js';
import { MambaSpec } from './mamba.js';

type Specs = Readonly<Record<string, KvCacheSpec>>;

/** Layers that need the same number of blocks, of different sizes (vLLM `UniformTypeKVCacheSpecs`). */
export class UniformTypeKVCacheSpecs extends KvCacheSpec {
  /** By layer name. */
  readonly kvCacheSpecs: Specs;

  constructor(options: { blockSize: number; kvCacheSpecs: Specs }) {
    super(options);
    check(
      Object.keys(options.kvCacheSpecs ?? {}).length > 0,
      'UniformTypeKVCacheSpecs',
      'kvCacheSpecs must name at least one layer',
    );
    this.kvCacheSpecs = options.kvCacheSpecs;
  }

  /** Bytes of one block in all layers together. */
  override pageSizeBytes(dtype?: KvCacheDtype): number {
    return this.all().reduce((sum, spec) => sum + spec.pageSizeBytes(dtype), 0);
  }

  override maxMemoryUsageBytes(vllmConfig: VllmConfig): number {
    const pages = this.all().map((spec) =>
      Math.ceil(spec.maxMemoryUsageBytes(vllmConfig) / spec.pageSizeBytes()),
    );
    return Math.max(...pages) * this.pageSizeBytes();
  }

  override maxBlocksPerSeq(numTokens: number): number {
    return Math.max(...this.all().map((spec) => spec.maxBlocksPerSeq(numTokens)));
  }

  /** Whether layers may share one block table: one block size, one kind, one window. */
  static isUniformType(kvCacheSpecs: Specs): boolean {
    const specs = Object.values(kvCacheSpecs);
    if (specs.length === 0) return false;
    const sizes = new Set(specs.map((spec) => spec.blockSize));
    const kinds = new Set(specs.map(tableKind));
    return sizes.size === 1 && kinds.size === 1;
  }

  /** One spec for all, or null where they differ in kind. */
  static fromSpecs(kvCacheSpecs: Specs): UniformTypeKVCacheSpecs | null {
    if (!this.isUniformType(kvCacheSpecs)) return null;
    const { blockSize } = Object.values(kvCacheSpecs)[0];
    return new UniformTypeKVCacheSpecs({ blockSize, kvCacheSpecs });
  }

  private all(): KvCacheSpec[] {
    return Object.values(this.kvCacheSpecs);
  }
}

/** What decides which blocks of a sequence a layer keeps. */
function tableKind(spec: KvCacheSpec): string {
  if (spec instanceof RSWASpec) return `rswa ${spec.rswaWindow}`;
  if (spec instanceof SinkFullAttentionSpec) return `sink ${spec.sinkLen}`;
  if (spec instanceof FullAttentionSpec) return 'full';
  if (spec instanceof CrossAttentionSpec) return 'cross';
  if (spec instanceof SlidingWindowSpec) return `window ${spec.slidingWindow}`;
  if (spec instanceof ChunkedLocalAttentionSpec) return `chunk ${spec.attentionChunkSize}`;
  if (spec instanceof MambaSpec) return `mamba ${spec.numSpeculativeBlocks}`;
  throw new UnsupportedError(`UniformTypeKVCacheSpecs: ${spec.constructor.name}`, [
    'it keeps no blocks that could be shared',
  ]);
}
