import type { SequenceRunner } from './sequence_runner.js';
import type { Sampler } from './sampler.js';

export interface GenerateOptions {
  promptIds: readonly number[];
  /** Tokens to generate at most. */
  maxTokens: number;
  /** Any of these ends the run; it is the last id of the result. */
  eosTokenIds: readonly number[];
  sampler: Sampler;
  /** Called after each prefill chunk with the prompt tokens done. */
  onPrefill?: (done: number) => void;
  /** Called with each id as it is chosen, and waited for. */
  onToken?: (id: number) => void | Promise<void>;
  /** Ends the run after the token that is being made. */
  signal?: AbortSignal;
}

export interface GenerateResult {
  /** Generated ids, without the prompt's. */
  ids: number[];
  /** Milliseconds up to the first token, and from it to the last. */
  prefillMs: number;
  decodeMs: number;
}

/**
 * Prefill, then one token at a time. A chosen token goes into the next step as the tensor that the sampler made; its
 * number is all that is ever read back.
 */
export async function generate(
  runner: SequenceRunner,
  options: GenerateOptions,
): Promise<GenerateResult> {
  const { promptIds, maxTokens, eosTokenIds, sampler, onPrefill, onToken, signal } = options;
  const start = performance.now();
  let firstToken = start;
  const ids: number[] = [];
  let scores = runner.prefill(promptIds, onPrefill);
  for (;;) {
    const token = sampler(scores, ids.length);
    scores.dispose();
    try {
      const [id] = await token.data<'int32'>();
      if (ids.length === 0) firstToken = performance.now();
      ids.push(id);
      await onToken?.(id);
      if (ids.length === maxTokens || eosTokenIds.includes(id) || signal?.aborted) break;
      scores = runner.decode(id, token);
    } finally {
      token.dispose();
    }
  }
  return { ids, prefillMs: firstToken - start, decodeMs: performance.now() - firstToken };
}
