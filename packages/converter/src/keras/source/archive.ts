import { UnsupportedError } from '@tfjs-attention/core';
import type { Dataset, Group } from 'jsfive';
import { check, OP } from '../findings.js';
import type { Json } from '../json.js';

/** What of a `.keras` archive matters: the model's config and its weights. */
export interface KerasArchive {
  config: Json;
  weights: Group;
}

export type { Dataset, Group };

/**
 * Opens a `.keras` archive (a zip of config.json and model.weights.h5) with fflate and jsfive, which are loaded for it alone:
 * whoever loads a `model.json` needs neither.
 */
export async function openArchive(bytes: Uint8Array): Promise<KerasArchive> {
  const { unzipSync } = await load('fflate', () => import('fflate'));
  const hdf5 = await load('jsfive', () => import('jsfive'));
  const files = attempt('the archive is no zip file', () => unzipSync(bytes));
  const config = files['config.json'];
  const weights = files['model.weights.h5'];
  check(
    config !== undefined && weights !== undefined,
    () =>
      `the archive must hold config.json and model.weights.h5, it has ${Object.keys(files).join(', ') || 'nothing'}`,
  );
  return {
    config: attempt('config.json of the archive is no JSON', () => {
      return JSON.parse(new TextDecoder().decode(config)) as Json;
    }),
    weights: attempt(
      'model.weights.h5 of the archive is no HDF5 file',
      () => new hdf5.File(weights.slice().buffer),
    ),
  };
}

/** A dataset's numbers; what breaks inside a damaged file is told as such. */
export function readDataset(dataset: Dataset, path: string): ArrayLike<number> {
  return attempt(`${path} of model.weights.h5 cannot be read`, () => dataset.value);
}

function attempt<T>(message: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    check(false, () => `${message}: ${String(error instanceof Error ? error.message : error)}`);
  }
}

async function load<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new UnsupportedError(
      `${OP}: a .keras archive needs the package '${name}'; npm install ${name}`,
      [String(error)],
    );
  }
}
