import { UnsupportedError } from '../../errors.js';
import {
  ChunkedLocalAttentionSpec,
  CrossAttentionSpec,
  FullAttentionSpec,
  MambaSpec,
  RSWASpec,
  SinkFullAttentionSpec,
  SlidingWindowSpec,
  UniformTypeKVCacheSpecs,
  type KvCacheSpec,
} from '../spec.js';
import { ChunkedLocalAttentionManager } from './chunked_local_attention.js';
import { CrossAttentionManager } from './cross_attention.js';
import { FullAttentionManager } from './full_attention.js';
import { MambaManager } from './mamba.js';
import { RSWAManager } from './rswa.js';
import type { ManagerOptions, SingleTypeKvCacheManager } from './single_type.js';
import { SinkFullAttentionManager } from './sink_full_attention.js';
import { SlidingWindowManager } from './sliding_window.js';

/**
 * The manager for a group's spec (vLLM `get_manager_for_kv_cache_spec`).
 *
 * @throws UnsupportedError for a spec that keeps no blocks.
 */
export function getManagerForKvCacheSpec(options: ManagerOptions): SingleTypeKvCacheManager {
  const { kvCacheSpec: spec } = options;
  if (spec instanceof UniformTypeKVCacheSpecs) {
    const [kvCacheSpec] = Object.values(spec.kvCacheSpecs);
    return getManagerForKvCacheSpec({ ...options, kvCacheSpec });
  }
  if (spec instanceof SinkFullAttentionSpec) {
    return new SinkFullAttentionManager({ ...options, kvCacheSpec: spec });
  }
  if (spec instanceof RSWASpec) return new RSWAManager({ ...options, kvCacheSpec: spec });
  if (spec instanceof FullAttentionSpec) {
    return new FullAttentionManager({ ...options, kvCacheSpec: spec });
  }
  if (spec instanceof SlidingWindowSpec) {
    return new SlidingWindowManager({ ...options, kvCacheSpec: spec });
  }
  if (spec instanceof ChunkedLocalAttentionSpec) {
    return new ChunkedLocalAttentionManager({ ...options, kvCacheSpec: spec });
  }
  if (spec instanceof CrossAttentionSpec) {
    return new CrossAttentionManager({ ...options, kvCacheSpec: spec });
  }
  if (spec instanceof MambaSpec) return new MambaManager({ ...options, kvCacheSpec: spec });
  throw new UnsupportedError(`getManagerForKvCacheSpec: ${spec.constructor.name}`, [
    'it keeps no blocks that a manager could allocate',
  ]);
}

/** Whether equal tokens mean equal keys, so that blocks may be found by content. */
export function supportsPrefixCaching(spec: KvCacheSpec): boolean {
  if (spec instanceof UniformTypeKVCacheSpecs) {
    return Object.values(spec.kvCacheSpecs).every(supportsPrefixCaching);
  }
  if (spec instanceof FullAttentionSpec) return !spec.nonCausal;
  return !(spec instanceof CrossAttentionSpec);
}
