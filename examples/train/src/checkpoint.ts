import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { float32Tensor, safetensorsBytes } from '../../generate/src/temp_checkpoint.js';
import { tokenizerJson } from './byte_tokenizer.js';
import type { TrainableModel } from './model.js';
import { configJson } from './model_shape.js';

/** Writes a model as Hugging Face lays checkpoints out: config.json, tokenizer.json, model.safetensors. */
export async function saveCheckpoint(model: TrainableModel, directory: string): Promise<void> {
  const tensors = await Promise.all(
    [...model.weights].map(
      async ([name, weight]) =>
        [name, float32Tensor(weight.shape, (await weight.data()) as Float32Array)] as const,
    ),
  );
  mkdirSync(directory, { recursive: true });
  const write = (name: string, data: string | Uint8Array) =>
    writeFileSync(join(directory, name), data);
  write('config.json', JSON.stringify(configJson(model.shape), null, 2));
  write('tokenizer.json', JSON.stringify(tokenizerJson()));
  write('model.safetensors', safetensorsBytes(Object.fromEntries(tensors)));
}
