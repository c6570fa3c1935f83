import { KV_CACHE_DTYPES, type KvCacheDtype } from '../problem/params.js';
import { AttentionBackend } from './abstract.js';

/** Stock tfjs ops: runs on every tfjs backend, has gradients, is slow and holds scores in memory. */
export class ComposedAttentionBackend extends AttentionBackend {
  static override getName(): string {
    return 'COMPOSED';
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtype[] {
    return KV_CACHE_DTYPES;
  }

  static override validateSpec(): string[] {
    return [];
  }
}
