import { enableProdMode } from '@tensorflow/tfjs-core';
import { describeKernels, ready } from '@tfjs-attention/core';
import type { CheckpointFiles } from '../../../generate/src/checkpoint/files.js';
import { readModelConfig, type ModelConfig } from '../../../generate/src/config/config.js';
import { loadModel } from '../../../generate/src/model/load_model.js';
import type { DecoderModel } from '../../../generate/src/model/model.js';
import { readPrompt } from '../../../generate/src/prompt.js';
import { generate } from '../../../generate/src/runner/generate.js';
import { makeSampler } from '../../../generate/src/runner/sampler.js';
import { SequenceRunner } from '../../../generate/src/runner/sequence_runner.js';
import {
  cacheText,
  environmentRows,
  samplingText,
  speedText,
} from '../../../generate/src/summary.js';
import { TextStream } from '../../../generate/src/text_stream.js';
import { chooseBackend, type BackendChoice } from '../../../generate/src/tf_backend.js';
import { TextTokenizer } from '../../../generate/src/tokenizer.js';
import type { FactRow, FromWorker, ModelFacts, RunSettings } from '../protocol.js';
import { nextTask } from './next_task.js';

const BLOCK_SIZE = 16;
const PREFILL_CHUNK = 256;

/** A checkpoint, the backend that holds its weights, and the last run's cache. */
export class Session {
  private readonly config: ModelConfig;
  private readonly tokenizer: TextTokenizer;
  private model?: { choice: BackendChoice; requested?: string; decoder: DecoderModel };
  private runner?: SequenceRunner;

  /** @throws UserError naming the file that is missing or wrong. */
  constructor(
    private readonly files: CheckpointFiles,
    private readonly tell: (message: FromWorker) => void,
  ) {
    enableProdMode();
    this.config = readModelConfig(files);
    const tokenizer = TextTokenizer.load(files, this.config.bosTokenId);
    if (tokenizer === undefined) throw new Error(`${files.pathOf('tokenizer.json')}: no such file`);
    this.tokenizer = tokenizer;
  }

  get facts(): ModelFacts {
    const { architecture, numLayers, numHeads, maxPositions } = this.config;
    const { path: name } = this.files;
    return { name, architecture: architecture.name, numLayers, numHeads, maxPositions };
  }

  /** Generates until the text or the tokens end, or `signal` says so. */
  async run(settings: RunSettings, signal: AbortSignal): Promise<void> {
    const { tokenizer, tell } = this;
    const { prompt, maxTokens, sampling, kvCacheDtype } = settings;
    const request = { prompt: { text: prompt }, model: this.files.path, maxTokens };
    const promptIds = readPrompt(request, this.config, tokenizer);
    this.runner?.dispose();
    this.runner = undefined;
    const { choice, decoder } = await this.modelOn(settings.backend);
    const paging = { blockSize: BLOCK_SIZE, prefillChunk: PREFILL_CHUNK, kvCacheDtype };
    const capacity = promptIds.length + maxTokens - 1;
    const runner = new SequenceRunner(decoder, { ...paging, maxTokens: capacity });
    this.runner = runner;

    const kernels = describeKernels(choice.name);
    const { bytes: cacheBytes, ...cache } = runner.memory();
    const rows: FactRow[] = [
      ...environmentRows({ config: this.config, choice, kernels, ...paging }),
      ['KV cache', cacheText({ ...paging, ...cache })],
      ['sampling', samplingText(sampling)],
    ];
    tell({ kind: 'started', rows, tokens: promptIds.map((id) => this.label(id)), cacheBytes });
    const stream = new TextStream(tokenizer, promptIds);
    const start = performance.now();
    const result = await generate(runner, {
      promptIds,
      maxTokens,
      eosTokenIds: this.config.eosTokenIds,
      sampler: makeSampler(sampling),
      signal,
      onToken: async (id) => {
        const { usedBytes } = runner.memory();
        const ms = performance.now() - start;
        tell({ kind: 'token', text: stream.push(id), token: this.label(id), ms, usedBytes });
        // Lets a 'stop' in.
        await nextTask();
      },
    });
    const decoded = result.ids.length - 1;
    tell({
      kind: 'done',
      text: stream.end(),
      rows: [
        ['prefill', speedText(promptIds.length, result.prefillMs)],
        ...(decoded > 0 ? [['decode', speedText(decoded, result.decodeMs)] as const] : []),
      ],
      stopped: signal.aborted && result.ids.length < maxTokens,
      numStored: runner.numTokens,
    });
  }

  /** Tells how token `position` of the last run looks at its keys. */
  async look(layer: number, position: number): Promise<void> {
    if (this.runner === undefined) throw new Error('nothing has been generated yet');
    const rows = this.runner.attentionWeights(position, layer);
    try {
      const weights = await rows.data<'float32'>();
      this.tell({ kind: 'attention', layer, position, numHeads: rows.shape[0], weights });
    } finally {
      rows.dispose();
    }
  }

  /** Uploads the weights where another backend holds them. */
  private async modelOn(requested: string | undefined) {
    if (this.model !== undefined && this.model.requested === requested) return this.model;
    this.model?.decoder.dispose();
    this.model = undefined;
    const choice = await chooseBackend(requested);
    await ready(choice.name);
    const { numLayers: total, maxPositions } = this.config;
    const decoder = loadModel(this.files, this.config, maxPositions, (done) =>
      this.tell({ kind: 'loading', what: `weights to '${choice.name}'`, done, total }),
    );
    this.model = { choice, requested, decoder };
    return this.model;
  }

  /** One token's own text, as far as it has any. */
  private label(id: number): string {
    return this.tokenizer.decode([id]) || `#${id}`;
  }
}
