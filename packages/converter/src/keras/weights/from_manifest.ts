import { io } from '@tensorflow/tfjs-core';
import { check } from '../findings.js';
import type { ConvertedModel } from '../topology/models.js';
import type { TfjsWeights } from './from_archive.js';
import { slotsOf, type WeightSlot } from './slots.js';

/** Bytes of an element in weight files. */
const BYTES: Record<string, number> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint8: 1,
  uint16: 2,
  bool: 1,
  complex64: 8,
};

/**
 * The weights of a `model.json` under tfjs's names: without ':0', without the names of models around a layer, and by Keras
 * 3's paths in its weight file where the converter kept those. State of random generators is left out.
 *
 * @throws InvalidArgumentError for missing weights, unknown dtypes, or less data than the manifest names.
 */
export function weightsFromManifest(
  { layers, modelNames }: ConvertedModel,
  specs: readonly io.WeightsManifestEntry[],
  data: io.WeightData,
): TfjsWeights {
  const slots = layers.map((layer) => slotsOf(layer));
  const known = slots.flatMap((slot) => slot ?? []);
  const byPath = new Map(
    known.flatMap(({ target, paths }) => paths.map((path) => [pathKey(path), target])),
  );
  const layerNames = new Set(layers.map(({ name }) => name));
  const bytes = io.CompositeArrayBuffer.join(data);
  const kept: io.WeightsManifestEntry[] = [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const spec of specs) {
    const length = byteLength(spec, bytes, offset);
    check(
      offset + length <= bytes.byteLength,
      () =>
        `the weights end after ${bytes.byteLength} bytes, before the end of '${spec.name}' at ${offset + length}`,
    );
    if (!isGeneratorState(spec.name)) {
      kept.push({ ...spec, name: rename(spec.name) });
      parts.push(new Uint8Array(bytes, offset, length));
    }
    offset += length;
  }
  checkComplete(known, kept);
  return { weightSpecs: kept, weightData: joined(parts) };

  function rename(name: string): string {
    const stored = byPath.get(pathKey(name));
    if (/\/\d+$/.test(name) && stored !== undefined) return stored;
    const tokens = name.replace(/:\d+$/, '').split('/');
    while (tokens.length > 2 && modelNames.has(tokens[0]) && !layerNames.has(tokens[0]))
      tokens.shift();
    return tokens.join('/');
  }
}

/** A path in Keras 3's weight file without what differs from version to version. */
function pathKey(path: string): string {
  return path
    .split('/')
    .map((token) => token.replace(/^_/, ''))
    .filter((token) => !['layers', 'layer_checkpoint_dependencies', 'vars'].includes(token))
    .join('/');
}

const isGeneratorState = (name: string) => /(^|\/)seed_generator(_state|_\d+)?(\/|:|$)/.test(name);

function byteLength(spec: io.WeightsManifestEntry, bytes: ArrayBuffer, offset: number): number {
  const { name, shape, dtype, quantization } = spec;
  check(
    typeof name === 'string' && Array.isArray(shape) && shape.every((axis) => axis >= 0),
    () => `the weights' manifest has an entry without name and shape: ${JSON.stringify(spec)}`,
  );
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (dtype === 'string') return stringsLength(size, bytes, offset);
  const stored: string = quantization?.dtype ?? dtype;
  check(
    stored in BYTES && dtype in BYTES,
    () => `weight '${name}' has the dtype ${stored}, which tfjs does not know`,
  );
  return size * BYTES[stored];
}

/** Each string follows its length, an unsigned 32-bit number. */
function stringsLength(size: number, bytes: ArrayBuffer, offset: number): number {
  const view = new DataView(bytes);
  let end = offset;
  for (let i = 0; i < size && end + 4 <= bytes.byteLength; i++)
    end += 4 + view.getUint32(end, true);
  return end - offset;
}

/** tfjs takes `lstm/lstm_cell/kernel` for `lstm/kernel` too. */
function checkComplete(
  known: readonly WeightSlot[],
  specs: readonly io.WeightsManifestEntry[],
): void {
  const names = new Set(
    specs.flatMap(({ name }) => {
      const tokens = name.split('/');
      return [name, [...tokens.slice(0, -2), tokens[tokens.length - 1]].join('/')];
    }),
  );
  const missing = known.filter(({ target }) => !names.has(target)).map(({ target }) => target);
  check(
    missing.length === 0,
    () => `the manifest lacks ${missing.length} weights: ${missing.join(', ')}`,
  );
}

function joined(parts: readonly Uint8Array[]): ArrayBuffer {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all.buffer;
}
