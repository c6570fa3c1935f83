import { Tensor } from '@tensorflow/tfjs-core';
import { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { InvalidArgumentError } from '@tfjs-attention/core';

/** Tensors that a call takes, by Keras's names in camel case. */
export const CALL_INPUTS = [
  'query', 'value', 'key', 'attentionMask', 'cache', 'cacheUpdateIndex', 'queryMask', 'valueMask', 'keyMask',
] as const; // prettier-ignore

export type CallInput = (typeof CALL_INPUTS)[number];

type AnyTensor = Tensor | SymbolicTensor;

/** Positional inputs with their names, and what else a call brought. */
export interface GatheredInputs {
  list: AnyTensor[];
  names: readonly CallInput[];
  rest: Record<string, unknown>;
}

/**
 * Moves the tensors of a call's keyword arguments behind its positional ones, because tfjs builds layers from positional
 * inputs and hands nothing else to a layer of a model. Unnamed inputs are `[query, value, key, attentionMask]`, as many as
 * there are.
 */
export function gatherInputs(
  op: string,
  inputs: AnyTensor | AnyTensor[],
  kwargs: Record<string, unknown>,
  named: readonly CallInput[] | null,
): GatheredInputs {
  const list = Array.isArray(inputs) ? [...inputs] : [inputs];
  const names = [...namesOf(op, list.length, named)];
  const rest = { ...kwargs };
  for (const name of CALL_INPUTS) {
    const value = kwargs[name];
    if (!(value instanceof Tensor || value instanceof SymbolicTensor)) continue;
    if (names.includes(name)) {
      throw new InvalidArgumentError(
        `${op}: ${name} came twice, as input ${names.indexOf(name)} and by name: give it once`,
      );
    }
    list.push(value);
    names.push(name);
    delete rest[name];
  }
  return { list, names, rest };
}

/** The names of `count` inputs. */
export function namesOf(
  op: string,
  count: number,
  named: readonly CallInput[] | null,
): readonly CallInput[] {
  if (named?.length === count) return named;
  if (count >= 1 && count <= 4) return CALL_INPUTS.slice(0, count);
  throw new InvalidArgumentError(
    `${op}: inputs must be [query], [query, value], [query, value, key] or [query, value, key, attentionMask], ` +
      `got ${count}; name others in callInputs`,
  );
}

/** A config's `callInputs`, checked. */
export function readCallInputs(
  op: string,
  given: readonly string[] | null | undefined,
): readonly CallInput[] | null {
  if (given == null) return null;
  const known: readonly string[] = CALL_INPUTS;
  const valid =
    Array.isArray(given) &&
    given[0] === 'query' &&
    new Set(given).size === given.length &&
    given.every((name) => known.includes(name as string));
  if (!valid) {
    throw new InvalidArgumentError(
      `${op}: callInputs must list different names of ${CALL_INPUTS.join(', ')}, 'query' first, got ${JSON.stringify(given)}`,
    );
  }
  return given as readonly CallInput[];
}
