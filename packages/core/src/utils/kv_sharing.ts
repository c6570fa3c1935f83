import type { AttentionType } from '../backends/attention_type.js';
import { InvalidArgumentError } from '../errors.js';
import { extractLayerIndex } from './layer_index.js';

/** What the check looks at. */
interface TypedLayer {
  readonly attnType?: AttentionType;
}

/**
 * Checks that a layer may read another's cache (vLLM `validate_kv_sharing_target`): the target is an earlier attention
 * layer of the same type.
 *
 * ```js
 * validateKvSharingTarget('layers.2.attn', 'layers.3.attn', {});  // throws: must come before the current layer
 * ```
 *
 * @throws InvalidArgumentError that names both layers.
 */
export function validateKvSharingTarget(
  currentLayerName: string,
  targetLayerName: string,
  staticForwardContext: Readonly<Record<string, object>>,
): void {
  const fail = (why: string): never => {
    throw new InvalidArgumentError(
      `validateKvSharingTarget: KV sharing target layer '${targetLayerName}' of '${currentLayerName}' ${why}`,
    );
  };
  if (currentLayerName === targetLayerName) fail('cannot be the current layer itself');
  if (!Object.hasOwn(staticForwardContext, targetLayerName)) {
    if (extractLayerIndex(currentLayerName) <= extractLayerIndex(targetLayerName)) {
      fail('must come before the current layer');
    }
    fail('is not a valid Attention layer in the model');
  }
  const target = (staticForwardContext[targetLayerName] as TypedLayer).attnType;
  const { attnType } = (staticForwardContext[currentLayerName] ?? {}) as TypedLayer;
  if (target !== attnType) {
    fail(`must be the same type as the current layer ('${attnType}', not '${target}')`);
  }
}
