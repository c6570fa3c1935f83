import type { io } from '@tensorflow/tfjs-core';
import { check, type Findings } from '../findings.js';
import { readDataset, type Dataset, type Group } from '../source/archive.js';
import type { LayerPlace } from '../topology/models.js';
import { slotsOf } from './slots.js';

/** Weights as tfjs takes them. */
export interface TfjsWeights {
  weightSpecs: io.WeightsManifestEntry[];
  weightData: ArrayBuffer;
}

/** Reads the weights of all layers out of `model.weights.h5`. */
export function weightsFromArchive(
  layers: readonly LayerPlace[],
  file: Group,
  findings: Findings,
): TfjsWeights {
  const specs: io.WeightsManifestEntry[] = [];
  const parts: Float32Array[] = [];
  const missing: string[] = [];
  for (const layer of layers) {
    const place = { ...layer, path: groupOf(layer, file) };
    const slots = slotsOf(place);
    if (slots === null) {
      const count = (find(file, `${place.path}/vars`) as Group | undefined)?.keys?.length ?? 0;
      if (count > 0) {
        findings.add(
          `layer '${layer.name}' (${layer.className})`,
          `has ${count} weights whose names in tfjs are not known`,
        );
      }
      continue;
    }
    for (const { target, paths } of slots) {
      const path = paths.find((candidate) => isDataset(find(file, candidate)));
      if (path === undefined) {
        missing.push(target);
        continue;
      }
      const dataset = find(file, path) as Dataset;
      specs.push({ name: target, shape: [...dataset.shape], dtype: 'float32' });
      parts.push(toFloat32(dataset, path));
    }
  }
  findings.throwIfAny();
  check(
    missing.length === 0,
    () => `model.weights.h5 lacks ${missing.length} weights: ${missing.join(', ')}`,
  );
  return { weightSpecs: specs, weightData: joined(parts) };
}

/** The layer's group by its order in the model, which holds for every Keras 3, checked against the name kept with it. */
function groupOf({ name, path }: LayerPlace, file: Group): string {
  if (storedName(file, path) === name) return path;
  const parent = path.slice(0, path.lastIndexOf('/'));
  const siblings = (find(file, parent) as Group | undefined)?.keys ?? [];
  const named = siblings.find((key) => storedName(file, `${parent}/${key}`) === name);
  return named === undefined ? path : `${parent}/${named}`;
}

function storedName(file: Group, path: string): unknown {
  return (find(file, `${path}/vars`) as Group | undefined)?.attrs?.name;
}

function find(file: Group, path: string): Group | Dataset | undefined {
  try {
    return file.get(path) ?? undefined;
  } catch {
    // jsfive throws for some paths that are not there.
    return undefined;
  }
}

const isDataset = (found: Group | Dataset | undefined): found is Dataset =>
  found !== undefined && 'shape' in found;

/** Every stored type as float32; Keras keeps bfloat16 as its bits. */
function toFloat32(dataset: Dataset, path: string): Float32Array {
  const values = readDataset(dataset, path);
  const size = dataset.shape.reduce((product, axis) => product * axis, 1);
  check(
    values?.length === size && typeof (values[0] ?? 0) === 'number',
    () => `${path} of model.weights.h5 must hold ${size} numbers, its dtype is ${dataset.dtype}`,
  );
  if (dataset.attrs?.dtype !== 'bfloat16') return Float32Array.from(values);
  const bits = Uint32Array.from(values, (value) => (value & 0xffff) << 16);
  return new Float32Array(bits.buffer);
}

function joined(parts: readonly Float32Array[]): ArrayBuffer {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all.buffer;
}
