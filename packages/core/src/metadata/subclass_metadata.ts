import type { AttentionMetadataClass } from '../backends/abstract.js';

/**
 * A metadata class with further fields (vLLM `subclass_attention_metadata`): named `namePrefix` and the class's own name,
 * each field at its default until the builder sets it.
 *
 * ```js
 * const Trimmed = subclassAttentionMetadata('FastPrefill', TritonAttentionMetadata, {numLogitsIndices: 0});
 * ```
 */
export function subclassAttentionMetadata(
  namePrefix: string,
  metadata: AttentionMetadataClass,
  fields: Readonly<Record<string, unknown>>,
): AttentionMetadataClass {
  class Derived extends metadata {}
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(Derived.prototype, name, { value, writable: true, configurable: true });
  }
  return Object.defineProperty(Derived, 'name', { value: namePrefix + metadata.name });
}
