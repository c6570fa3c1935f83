import { check } from '../findings.js';
import type { TensorRef } from './calls.js';

/** A layer and the inputs of each of its calls. */
export interface GraphLayer {
  name: string;
  /** Number of the first call: 1 for a model, whose own inputs are call 0. */
  firstNode: number;
  calls: readonly (readonly TensorRef[])[];
}

/**
 * Every reference must lead somewhere and no call wait for itself: tfjs would look for the missing tensor for ever.
 *
 * @throws InvalidArgumentError naming a layer.
 */
export function checkGraph(layers: readonly GraphLayer[], ends: readonly TensorRef[]): void {
  const byName = new Map<string, GraphLayer>();
  for (const layer of layers) {
    check(!byName.has(layer.name), () => `two layers have the name '${layer.name}'`);
    byName.set(layer.name, layer);
  }
  const checkRef = (where: string, [name, node, tensor]: TensorRef) => {
    const layer = byName.get(name);
    check(layer !== undefined, () => `${where} refers to a layer '${name}', which is not there`);
    const calls = Math.max(layer.calls.length, 1);
    const call = node - layer.firstNode;
    check(
      call >= 0 && call < calls && tensor >= 0,
      () => `${where} refers to call ${call} of '${name}', which has ${calls}`,
    );
  };
  ends.forEach((ref) => checkRef('the list of inputs or outputs', ref));

  const waiting = new Map<string, number>();
  const users = new Map<string, string[]>();
  for (const { name, firstNode, calls } of layers) {
    const indexed = calls.length === 0 ? [[]] : calls;
    for (const [i, refs] of indexed.entries()) {
      refs.forEach((ref) => checkRef(`layer '${name}'`, ref));
      const key = `${name}/${firstNode + i}`;
      const sources = new Set(refs.map(([source, node]) => `${source}/${node}`));
      waiting.set(key, sources.size);
      for (const source of sources) users.set(source, [...(users.get(source) ?? []), key]);
    }
  }
  const ready = [...waiting.keys()].filter((key) => waiting.get(key) === 0);
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    waiting.delete(key);
    for (const user of users.get(key) ?? []) {
      const left = (waiting.get(user) as number) - 1;
      waiting.set(user, left);
      if (left === 0) ready.push(user);
    }
  }
  check(waiting.size === 0, () => {
    const names = [...waiting.keys()].map((key) => `'${key.slice(0, key.lastIndexOf('/'))}'`);
    return `the layers ${[...new Set(names)].join(', ')} wait for each other in a circle`;
  });
}
