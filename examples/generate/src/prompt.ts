import type { CliOptions } from './cli.js';
import type { ModelConfig } from './config/config.js';
import type { TextTokenizer } from './tokenizer.js';
import { demand } from './user_error.js';

/**
 * The prompt as ids that the model can take.
 *
 * @throws UserError for a text without a tokenizer, an id outside the vocabulary, or more tokens than positions.
 */
export function readPrompt(
  options: Pick<CliOptions, 'prompt' | 'model' | 'maxTokens'>,
  config: ModelConfig,
  tokenizer: TextTokenizer | undefined,
): readonly number[] {
  const { prompt, model } = options;
  const ids = 'text' in prompt ? encode(prompt.text, model, tokenizer) : prompt.ids;
  checkPrompt(ids, options, config);
  return ids;
}

/** @throws UserError for an id outside the vocabulary, or more tokens than positions. */
export function checkPrompt(
  ids: readonly number[],
  { model, maxTokens }: Pick<CliOptions, 'model' | 'maxTokens'>,
  { vocabSize, maxPositions }: ModelConfig,
): void {
  const outside = ids.find((id) => id >= vocabSize);
  demand(
    outside === undefined,
    `the prompt's token ${outside} is outside the model's vocabulary of ${vocabSize} (0 to ${vocabSize - 1})`,
  );
  demand(
    tokensOf(ids, maxTokens) <= maxPositions,
    `the prompt's ${ids.length} tokens and ${maxTokens} new ones exceed the ${maxPositions} positions ` +
      `that ${model}/config.json allows; shorten the prompt or lower --max-tokens`,
  );
}

/** Tokens that pass through the model: the last that is generated is never fed back. */
export function tokensOf(promptIds: readonly number[], maxTokens: number): number {
  return promptIds.length + maxTokens - 1;
}

function encode(text: string, model: string, tokenizer: TextTokenizer | undefined): number[] {
  demand(
    tokenizer !== undefined,
    `${model}/tokenizer.json: no such file, so a text prompt cannot be read; give --prompt-ids`,
  );
  return tokenizer.encode(text);
}
