import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { CallInput } from './call_inputs.js';

/** A model's inputs of one call, each tensor once. */
export interface DistinctInputs {
  names: CallInput[];
  symbolic: SymbolicTensor[];
}

/**
 * tfjs disposes of a tensor too early in a model where one layer takes it twice: it counts users but subtracts uses. So a
 * value that is the query, and a key that is the value, are left out (they are the defaults), or, where all `named` inputs
 * have to stay, passed through a layer that does nothing.
 */
export function distinctInputs(
  given: readonly CallInput[],
  list: readonly SymbolicTensor[],
  named: boolean,
): DistinctInputs {
  const tensors = new Map(given.map((name, i) => [name, list[i]]));
  const query = list[0];
  const value = tensors.get('value') ?? query;
  if (!named && value === query) tensors.delete('value');
  if (!named && tensors.get('key') === value) tensors.delete('key');
  const symbolic: SymbolicTensor[] = [];
  for (const tensor of tensors.values()) {
    const taken = symbolic.includes(tensor);
    symbolic.push(taken ? copied(tensor) : tensor);
  }
  return { names: [...tensors.keys()], symbolic };
}

function copied(tensor: SymbolicTensor): SymbolicTensor {
  return layers.activation({ activation: 'linear' }).apply(tensor) as SymbolicTensor;
}
