import type { Findings } from '../findings.js';
import type { KerasObject } from '../json.js';
import { refsOf, type LayerCall } from './calls.js';
import { isOperation } from './layers.js';

/** A layer of a functional model with its calls as they were read. */
export interface CalledLayer {
  name: string;
  where: string;
  object: KerasObject;
  calls: LayerCall[];
}

/**
 * Keras 3 writes the masks that it passes on by itself into the graph: operations on the input of an Embedding or Masking
 * layer, and an argument `mask` of layers that take one. tfjs passes masks on by itself too, so both are left out.
 */
export function withoutImplicitMasks(
  layers: readonly CalledLayer[],
  ends: readonly string[],
  findings: Findings,
): CalledLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  for (const { where, calls } of layers) {
    for (const { kwargs } of calls) {
      const mask = kwargs.mask;
      if (mask === undefined || refsOf(mask).length === 0) continue;
      const origins = new Set(refsOf(mask).flatMap(([name]) => originsOf(name, byName)));
      if (origins.has(null)) continue;
      if (origins.size > 1) {
        findings.add(
          where,
          'is called with a mask merged from several, of which tfjs passes on one',
        );
      }
      delete kwargs.mask;
    }
  }
  const used = reachable(ends, byName);
  return layers.filter(({ name, object }) => used.has(name) || !isOperation(object));
}

/** The comparisons that a mask comes from, by name; null where it comes from anything else. */
function originsOf(
  name: string,
  byName: ReadonlyMap<string, CalledLayer>,
  seen = new Set<string>(),
): (string | null)[] {
  const layer = byName.get(name);
  if (layer === undefined || !isOperation(layer.object) || seen.has(name)) return [null];
  if (layer.object.class_name === 'NotEqual') return [name];
  seen.add(name);
  const sources = sourcesOf(layer);
  return sources.length === 0
    ? [null]
    : sources.flatMap((source) => originsOf(source, byName, new Set(seen)));
}

function sourcesOf({ calls }: CalledLayer): string[] {
  return calls.flatMap(({ args, kwargs }) =>
    [...args, ...Object.values(kwargs)].flatMap(refsOf).map(([name]) => name),
  );
}

function reachable(ends: readonly string[], byName: ReadonlyMap<string, CalledLayer>): Set<string> {
  const found = new Set<string>();
  const waiting = [...ends];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const layer = byName.get(name);
    if (layer === undefined || found.has(name)) continue;
    found.add(name);
    waiting.push(...sourcesOf(layer));
  }
  return found;
}
