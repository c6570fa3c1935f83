import type { SymbolicTensor } from '@tensorflow/tfjs-layers';

type MaskingLayer = SymbolicTensor['sourceLayer'] & { maskZero?: boolean };

/**
 * Whether a Keras mask may reach a tensor of a model: from an Embedding with maskZero or a Masking layer, through layers that
 * pass the mask of their first input on, as tfjs's do.
 */
export function mayCarryMask(tensor: SymbolicTensor, known = new Map<number, boolean>()): boolean {
  const found = known.get(tensor.id);
  if (found !== undefined) return found;
  const carries = traced();
  known.set(tensor.id, carries);
  return carries;

  function traced(): boolean {
    const layer: MaskingLayer = tensor.sourceLayer;
    const name = layer.getClassName();
    if (name === 'Embedding') return layer.maskZero === true;
    if (name === 'Masking') return true;
    if (name === 'AttentionMaskTensor' || !layer.supportsMasking) return false;
    return tensor.inputs.length > 0 && mayCarryMask(tensor.inputs[0], known);
  }
}
