import { statSync } from 'node:fs';
import { Checkpoint } from '../checkpoint/checkpoint.js';
import { readModelConfig, type ModelConfig } from '../config/config.js';
import { DecoderModel } from './model.js';
import { makeRopeTables, ropeFrequencies } from './rope.js';
import { demand } from '../user_error.js';
import { loadWeights } from './weights.js';

/** Reads a checkpoint directory's config. */
export function readConfigOf(directory: string): ModelConfig {
  demand(
    statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true,
    `${directory}: no such directory; --model takes one with config.json and model.safetensors`,
  );
  return readModelConfig(directory);
}

/** Uploads a checkpoint to the active tfjs backend. `maxTokens` is the longest text that will be run. */
export function loadModel(
  directory: string,
  config: ModelConfig,
  maxTokens: number,
  onLayer?: (done: number) => void,
): DecoderModel {
  const checkpoint = Checkpoint.open(directory);
  try {
    const weights = loadWeights(checkpoint, config, onLayer);
    const rope = ropeFrequencies(config.rope, config.headSize, maxTokens);
    return new DecoderModel(config, weights, makeRopeTables(rope, maxTokens));
  } finally {
    checkpoint.close();
  }
}
