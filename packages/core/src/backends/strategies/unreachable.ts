import { AttentionBackend } from '../abstract.js';
import type { KvCacheDtypeName } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';

/** Facts of a strategy that nothing here runs, and the reason. */
interface Entry {
  className: string;
  name: string;
  /** Why no machine that JavaScript reaches runs it. */
  unreachable: string;
  headSizes?: readonly number[];
  blockSizes?: readonly BlockSize[];
  kvCacheDtypes?: readonly KvCacheDtypeName[];
  mla?: boolean;
}

const AMD = 'needs an AMD GPU through ROCm, which no tfjs backend reaches';
const FLASH_SIZES = [32, 64, 96, 128, 160, 192, 224, 256];

const ENTRIES: readonly Entry[] = [
  {
    className: 'RocmAttentionBackend',
    name: 'ROCM_ATTN',
    unreachable: AMD,
    headSizes: FLASH_SIZES,
    blockSizes: [new MultipleOf(16)],
  },
  {
    className: 'AiterFlashAttentionBackend',
    name: 'ROCM_AITER_FA',
    unreachable: AMD,
    headSizes: [64, 128, 256],
    blockSizes: [new MultipleOf(16)],
  },
  {
    className: 'RocmAiterUnifiedAttentionBackend',
    name: 'ROCM_AITER_UNIFIED_ATTN',
    unreachable: AMD,
    headSizes: FLASH_SIZES,
    blockSizes: [new MultipleOf(16)],
  },
  {
    className: 'AiterMLABackend',
    name: 'ROCM_AITER_MLA',
    unreachable: AMD,
    blockSizes: [1],
    mla: true,
  },
  {
    className: 'PallasAttentionBackend',
    name: 'PALLAS',
    unreachable: 'needs a TPU through Pallas, which no tfjs backend reaches',
  },
  {
    className: 'IpexAttentionBackend',
    name: 'IPEX',
    unreachable: 'needs the Intel extension for PyTorch, which JavaScript cannot load',
  },
  {
    className: 'NoAttentionBackend',
    name: 'NO_ATTENTION',
    unreachable: 'names models without attention, which have nothing to run here',
  },
];

/** Strategies whose hardware JavaScript cannot reach: they exist to say so. */
export const UNREACHABLE: Readonly<Record<string, typeof AttentionBackend>> = Object.fromEntries(
  ENTRIES.map((entry) => [entry.name, unreachableBackend(entry)]),
);

function unreachableBackend(entry: Entry): typeof AttentionBackend {
  const cls = class extends AttentionBackend {
    static override getName(): string {
      return entry.name;
    }

    static override unreachable(): string {
      return entry.unreachable;
    }

    static override isMla(): boolean {
      return entry.mla === true;
    }

    static override getSupportedHeadSizes(): readonly number[] {
      return entry.headSizes ?? super.getSupportedHeadSizes();
    }

    static override getSupportedKernelBlockSize(): readonly BlockSize[] {
      return entry.blockSizes ?? super.getSupportedKernelBlockSize();
    }

    static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
      return entry.kvCacheDtypes ?? super.getSupportedKvCacheDtypes();
    }
  };
  return Object.defineProperty(cls, 'name', { value: entry.className });
}
