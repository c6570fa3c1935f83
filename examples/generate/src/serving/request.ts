import { KvCacheRequest } from '@tfjs-attention/core';

export interface ServingRequestOptions {
  /** Place among all requests, from 0; it decides the seed. */
  index: number;
  /** Names the request in the cache and in errors. */
  requestId: string;
  promptIds: readonly number[];
  /** Tokens to generate at most. */
  maxTokens: number;
  /** Any of these ends the request; it is the last id of the result. */
  eosTokenIds: readonly number[];
  /** C, tokens a block. */
  blockSize: number;
}

/** One prompt on its way through the scheduler (vLLM `Request`). */
export class ServingRequest extends KvCacheRequest {
  /** Times that it lost its blocks to an earlier request. */
  numPreemptions = 0;
  readonly index: number;
  readonly maxTokens: number;
  private readonly eosTokenIds: readonly number[];

  constructor({ requestId, promptIds, blockSize, ...rest }: ServingRequestOptions) {
    super(requestId, promptIds, { blockSize });
    const { index, maxTokens, eosTokenIds } = rest;
    this.index = index;
    this.maxTokens = maxTokens;
    this.eosTokenIds = eosTokenIds;
  }

  get promptIds(): readonly number[] {
    return this.allTokenIds.slice(0, this.numPromptTokens);
  }

  get outputIds(): readonly number[] {
    return this.allTokenIds.slice(this.numPromptTokens);
  }

  get numOutputTokens(): number {
    return this.numTokens - this.numPromptTokens;
  }

  get isFinished(): boolean {
    const last = this.allTokenIds[this.numTokens - 1];
    return (
      this.numOutputTokens === this.maxTokens ||
      (this.numOutputTokens > 0 && this.eosTokenIds.includes(last))
    );
  }
}
