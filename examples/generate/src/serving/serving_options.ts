import { Option, type Command } from 'commander';
import { count } from '../argument_parsers.js';

/** How many prompts are served at once; names are vLLM's. */
export interface ServingOptions {
  /** A prompt a line. */
  promptsFile: string;
  /** P, the null block included; undefined = as many as those that run at once can need. */
  numBlocks?: number;
  /** Requests that run at once, at most. */
  maxNumSeqs: number;
  /** Tokens of one step, at most. */
  maxNumBatchedTokens: number;
  /** Whether prompts that start alike share the blocks of their start. */
  prefixCaching: boolean;
}

/** As commander hands it over. */
export type RawServingOptions = Omit<ServingOptions, 'promptsFile'> & { parallel?: string };

const DEPENDENT = {
  numBlocks: '--num-blocks',
  maxNumSeqs: '--max-num-seqs',
  maxNumBatchedTokens: '--max-num-batched-tokens',
  prefixCaching: '--no-prefix-caching',
} as const;

export function addServingOptions(program: Command): Command {
  const option = (flags: string, description: string) => new Option(flags, description);
  return program
    .addOption(
      option('--parallel <file>', 'serve a prompt a line of a file, many at once').conflicts([
        'prompt',
        'promptIds',
        'prefillChunk',
      ]),
    )
    .addOption(
      option('--num-blocks <n>', 'cache blocks of --parallel (default: enough)').argParser(count),
    )
    .addOption(
      option('--max-num-seqs <n>', 'prompts that run at once').argParser(count).default(16),
    )
    .addOption(
      option('--max-num-batched-tokens <n>', 'tokens a step').argParser(count).default(256),
    )
    .addOption(option('--no-prefix-caching', 'compute the same start of prompts every time'));
}

/** @throws commander's CommanderError for an option that only --parallel takes. */
export function readServingOptions(
  program: Command,
  { parallel, numBlocks, maxNumSeqs, maxNumBatchedTokens, prefixCaching }: RawServingOptions,
): ServingOptions | undefined {
  if (parallel !== undefined) {
    return { promptsFile: parallel, numBlocks, maxNumSeqs, maxNumBatchedTokens, prefixCaching };
  }
  for (const [name, flag] of Object.entries(DEPENDENT)) {
    if (program.getOptionValueSource(name) === 'cli') {
      program.error(`error: option '${flag}' needs --parallel <file>`);
    }
  }
  return undefined;
}
