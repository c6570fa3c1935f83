import { Checkpoint } from '../checkpoint/checkpoint.js';
import type { CheckpointFiles } from '../checkpoint/files.js';
import type { ModelConfig } from '../config/config.js';
import { DecoderModel } from './model.js';
import { makeRopeTables, ropeFrequencies } from './rope.js';
import { loadWeights } from './weights.js';

/** Uploads a checkpoint to the active tfjs backend. `maxTokens` is the longest text that will be run. */
export function loadModel(
  files: CheckpointFiles,
  config: ModelConfig,
  maxTokens: number,
  onLayer?: (done: number) => void,
): DecoderModel {
  const checkpoint = Checkpoint.open(files);
  try {
    const weights = loadWeights(checkpoint, config, onLayer);
    const rope = ropeFrequencies(config.rope, config.headSize, maxTokens);
    return new DecoderModel(config, weights, makeRopeTables(rope, maxTokens));
  } finally {
    checkpoint.close();
  }
}
