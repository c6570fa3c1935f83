import { providerFor } from '../registry.js';
import { KV_CACHE_DTYPES, type KvCacheDtype } from '../problem/params.js';
import type { AttentionSpec } from '../problem/spec.js';
import { AttentionBackend, type StrategySite } from './abstract.js';

/** The fused kernels of the package that is attached to the active tfjs backend. */
export class FusedAttentionBackend extends AttentionBackend {
  static override getName(): string {
    return 'FUSED';
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtype[] {
    return KV_CACHE_DTYPES;
  }

  static override validateSpec(
    spec: AttentionSpec,
    { tfBackend, recording }: StrategySite,
  ): string[] {
    const provider = providerFor(tfBackend);
    if (provider === undefined) {
      return [
        `no attention package is loaded for tfjs backend '${tfBackend}' (import e.g. @tfjs-attention/backend-cpu)`,
      ];
    }
    const reasons = provider.rejects(spec);
    if (recording)
      reasons.push('a gradient tape is recording and the kernels have no gradient yet');
    return reasons;
  }
}
