// What the tests share: a prompt of Hugging Face's, followed to its end.
import type { ReferenceCase } from './fixtures.js';
import { openRunner } from './fixtures.js';
import type { DecoderModel } from './model/model.js';
import { generate } from './runner/generate.js';
import { makeSampler } from './runner/sampler.js';
import type { SequenceRunnerOptions } from './runner/sequence_runner.js';

const greedy = makeSampler({ kind: 'greedy' });

/** Scores after the prompt, and prompt plus greedy continuation. */
export async function follow(
  model: DecoderModel,
  { ids, greedyIds }: ReferenceCase,
  options: Partial<SequenceRunnerOptions> = {},
): Promise<{ scores: Float32Array; all: number[] }> {
  const runner = openRunner(model, { maxTokens: greedyIds.length, ...options });
  let scores = new Float32Array();
  const result = await generate(runner, {
    promptIds: ids,
    maxTokens: greedyIds.length - ids.length,
    eosTokenIds: [],
    sampler: (logits, step) => {
      if (step === 0) scores = logits.dataSync<'float32'>().slice();
      return greedy(logits, step);
    },
  });
  runner.dispose();
  return { scores, all: [...ids, ...result.ids] };
}
