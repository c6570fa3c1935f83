import { InvalidArgumentError } from '../errors.js';

/**
 * The number in a layer's name (vLLM `extract_layer_index`): 'model.layers.3.attn' and 'attention_3' are layer 3.
 *
 * @throws InvalidArgumentError for a name with no number or with two.
 */
export function extractLayerIndex(layerName: string): number {
  const numbers = layerName.split(/[._/]/).filter((part) => /^\d+$/.test(part));
  if (numbers.length !== 1) {
    throw new InvalidArgumentError(
      `extractLayerIndex: '${layerName}' holds ${numbers.length} numbers between dots, slashes and underscores; one must say which layer it is`,
    );
  }
  return Number(numbers[0]);
}
