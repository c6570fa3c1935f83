import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { io } from '@tensorflow/tfjs-core';

/** A graph model in a folder on disk, for programs without tfjs-node. */
export function modelFolder(folder: string): io.IOHandler {
  return {
    async load() {
      const model = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as io.ModelJSON;
      return io.getModelArtifactsForJSON(model, async (manifest) => {
        const shards = manifest.flatMap(({ paths }) => paths);
        const files = await Promise.all(shards.map((path) => readFile(join(folder, path))));
        return [io.getWeightSpecs(manifest), files.map((file) => new Uint8Array(file).buffer)];
      });
    },
  };
}
