import { check, checkInt, checkInt32Array } from '../problem/checks.js';

/** Constructor argument of {@link CommonAttentionMetadata}; `?` = derived or absent. */
export interface CommonAttentionMetadataOptions {
  /** `[B + 1]` prefix sums of query lengths. */
  queryStartLoc: Int32Array;
  /** `[B]` keys of each request, this step's included. */
  seqLens: Int32Array;
  /** `[B, M]` flat: key j of request r is in block blockTable[r * M + floor(j / C)]. */
  blockTable: Int32Array;
  /** `[T]` or longer; slot of each new token, -1 = not written. */
  slotMapping: Int32Array;
  /** `[B]`; default seqLens - query lengths. */
  numComputedTokens?: Int32Array;
  /** Requests that are no padding; default B. */
  numReqs?: number;
  /** T, tokens that are no padding; default queryStartLoc[numReqs]. */
  numActualTokens?: number;
  /** Longest query or an upper bound; default the longest. */
  maxQueryLen?: number;
  /** Longest sequence or an upper bound; default the longest. */
  maxSeqLen?: number;
  /** M; default blockTable.length / B. */
  maxBlocksPerReq?: number;
  /** Default true. */
  causal?: boolean;
  /** Tokens whose logits are wanted, rising; what fast prefill keeps. */
  logitsIndices?: Int32Array;
  /** Entries of `logitsIndices` that are no padding; default all. */
  numLogitsIndices?: number;
  /** `[B]` encoder tokens of each request: cross attention reads so many keys, and writes them in its first step. */
  encoderSeqLens?: Int32Array;
  /** `[B]` keys that this rank holds. */
  dcpLocalSeqLens?: Int32Array;
  /** `[B]` keys before this position escape the window. */
  rswaPrefixLens?: Int32Array;
  /** For each request, inclusive ranges `[start, end]` that see themselves in both directions. */
  mmPrefixRanges?: readonly (readonly (readonly [number, number])[])[];
  /** Whether layers measure their scales in this step. Default false. */
  enableKvScalesCalculation?: boolean;
}

const OP = 'CommonAttentionMetadata';

/**
 * One step's batch as every layer of a KV cache group sees it (vLLM `CommonAttentionMetadata`): T packed query tokens of B
 * requests. Host arrays, held and not copied: leave them alone while the step runs. A builder turns it into a backend's
 * own metadata.
 *
 * ```js
 * // A request of 5 new tokens and one that decodes its 33rd. Blocks of 16 tokens.
 * new CommonAttentionMetadata({
 *   queryStartLoc: Int32Array.of(0, 5, 6),
 *   seqLens: Int32Array.of(5, 33),
 *   blockTable: Int32Array.of(7, 0, 0, 1, 2, 3),
 *   slotMapping: Int32Array.of(112, 113, 114, 115, 116, 48),
 * }).maxBlocksPerReq;  // 3
 * ```
 *
 * @throws InvalidArgumentError for a Tensor, a wrong length, falling prefix sums or a count out of range.
 */
export class CommonAttentionMetadata {
  readonly queryStartLoc: Int32Array;
  readonly seqLens: Int32Array;
  readonly numComputedTokens: Int32Array;
  readonly numReqs: number;
  readonly numActualTokens: number;
  readonly maxQueryLen: number;
  readonly maxSeqLen: number;
  readonly blockTable: Int32Array;
  readonly maxBlocksPerReq: number;
  readonly slotMapping: Int32Array;
  readonly causal: boolean;
  readonly logitsIndices?: Int32Array;
  readonly numLogitsIndices?: number;
  readonly encoderSeqLens?: Int32Array;
  readonly dcpLocalSeqLens?: Int32Array;
  readonly rswaPrefixLens?: Int32Array;
  readonly mmPrefixRanges?: CommonAttentionMetadataOptions['mmPrefixRanges'];
  readonly enableKvScalesCalculation: boolean;

  constructor(options: CommonAttentionMetadataOptions) {
    check(options !== null && typeof options === 'object', OP, 'the argument must be an object');
    const { queryStartLoc, seqLens, blockTable, slotMapping } = options;
    checkInt32Array(seqLens, OP, 'seqLens', undefined, '[B]');
    const batch = seqLens.length;
    checkInt32Array(queryStartLoc, OP, 'queryStartLoc', batch + 1, '[B + 1]');
    const lengths = readLengths(queryStartLoc, seqLens);
    this.queryStartLoc = queryStartLoc;
    this.seqLens = seqLens;
    this.numReqs = readCount(options.numReqs, 'numReqs', batch, batch);
    const numTokens = queryStartLoc[this.numReqs];
    this.numActualTokens = readCount(
      options.numActualTokens,
      'numActualTokens',
      numTokens,
      2 ** 31 - 1,
    );
    this.maxQueryLen = readCount(options.maxQueryLen, 'maxQueryLen', lengths.maxQueryLen);
    this.maxSeqLen = readCount(options.maxSeqLen, 'maxSeqLen', lengths.maxSeqLen);
    this.numComputedTokens = options.numComputedTokens ?? lengths.numComputedTokens;
    checkInt32Array(this.numComputedTokens, OP, 'numComputedTokens', batch, '[B]');
    checkInt32Array(blockTable, OP, 'blockTable', undefined, '[B, M]');
    this.maxBlocksPerReq = readWidth(options.maxBlocksPerReq, blockTable.length, batch);
    this.blockTable = blockTable;
    checkInt32Array(slotMapping, OP, 'slotMapping', undefined, '[T]');
    check(
      slotMapping.length >= this.numActualTokens,
      OP,
      `slotMapping must have at least ${this.numActualTokens} entries [T], got ${slotMapping.length}`,
    );
    this.slotMapping = slotMapping;
    this.causal = options.causal ?? true;
    this.logitsIndices = readOptional(options.logitsIndices, 'logitsIndices', undefined);
    this.numLogitsIndices = readLogitsCount(options);
    this.encoderSeqLens = readOptional(options.encoderSeqLens, 'encoderSeqLens', batch);
    this.dcpLocalSeqLens = readOptional(options.dcpLocalSeqLens, 'dcpLocalSeqLens', batch);
    this.rswaPrefixLens = readOptional(options.rswaPrefixLens, 'rswaPrefixLens', batch);
    check(
      options.mmPrefixRanges === undefined || options.mmPrefixRanges.length === batch,
      OP,
      `mmPrefixRanges must have a list for each of the ${batch} requests, got ${options.mmPrefixRanges?.length}`,
    );
    this.mmPrefixRanges = options.mmPrefixRanges;
    this.enableKvScalesCalculation = options.enableKvScalesCalculation ?? false;
  }

  /** B, padding included. */
  batchSize(): number {
    return this.seqLens.length;
  }

  /** `[B]` */
  queryLens(): Int32Array {
    const { queryStartLoc } = this;
    return this.seqLens.map((_, r) => queryStartLoc[r + 1] - queryStartLoc[r]);
  }

  /** `[T]` request of each token, padding left out. */
  tokenToReqIndices(): Int32Array {
    const indices = new Int32Array(this.numActualTokens);
    for (let r = 0; r < this.numReqs; r++) {
      indices.fill(r, this.queryStartLoc[r], this.queryStartLoc[r + 1]);
    }
    return indices;
  }

  /**
   * A copy with some fields changed. Counts and maxima that follow from a changed array are derived anew unless given;
   * `numComputedTokens` stays as long as the number of requests does.
   */
  replace(changes: Partial<CommonAttentionMetadataOptions>): CommonAttentionMetadata {
    const options: CommonAttentionMetadataOptions = { ...this };
    const resized = changes.seqLens !== undefined && changes.seqLens.length !== this.seqLens.length;
    if (changes.queryStartLoc !== undefined || resized) {
      delete options.numActualTokens;
      delete options.maxQueryLen;
    }
    if (changes.seqLens !== undefined) delete options.maxSeqLen;
    if (resized) {
      delete options.numReqs;
      delete options.numComputedTokens;
    }
    if (changes.blockTable !== undefined || resized) delete options.maxBlocksPerReq;
    if (changes.logitsIndices !== undefined) delete options.numLogitsIndices;
    return new CommonAttentionMetadata({ ...options, ...changes });
  }

  /** The batch without its padding: the first `numActualReqs` requests, which have `numActualTokens` tokens. */
  unpadded(numActualTokens: number, numActualReqs: number): CommonAttentionMetadata {
    checkInt(numActualReqs, OP, 'numActualReqs', 0, this.batchSize());
    checkInt(numActualTokens, OP, 'numActualTokens', 0, this.slotMapping.length);
    const head = (array?: Int32Array) => array?.subarray(0, numActualReqs);
    return new CommonAttentionMetadata({
      ...this,
      queryStartLoc: this.queryStartLoc.subarray(0, numActualReqs + 1),
      seqLens: this.seqLens.subarray(0, numActualReqs),
      numComputedTokens: this.numComputedTokens.subarray(0, numActualReqs),
      blockTable: this.blockTable.subarray(0, numActualReqs * this.maxBlocksPerReq),
      slotMapping: this.slotMapping.subarray(0, numActualTokens),
      encoderSeqLens: head(this.encoderSeqLens),
      dcpLocalSeqLens: head(this.dcpLocalSeqLens),
      rswaPrefixLens: head(this.rswaPrefixLens),
      mmPrefixRanges: this.mmPrefixRanges?.slice(0, numActualReqs),
      numReqs: numActualReqs,
      numActualTokens,
    });
  }
}

function readLengths(queryStartLoc: Int32Array, seqLens: Int32Array) {
  check(
    queryStartLoc[0] === 0,
    OP,
    `queryStartLoc[0] must be 0, got ${queryStartLoc[0]}: it is the prefix sum of query lengths`,
  );
  const numComputedTokens = new Int32Array(seqLens.length);
  let maxQueryLen = 0;
  let maxSeqLen = 0;
  for (let r = 0; r < seqLens.length; r++) {
    const queryLen = queryStartLoc[r + 1] - queryStartLoc[r];
    if (queryLen < 0) {
      const text = `entry ${r + 1} is ${queryStartLoc[r + 1]} after ${queryStartLoc[r]}`;
      check(false, OP, `queryStartLoc must not fall: ${text}`);
    }
    if (seqLens[r] < 0) check(false, OP, `seqLens[${r}] must be >= 0, got ${seqLens[r]}`);
    numComputedTokens[r] = seqLens[r] - queryLen;
    if (queryLen > maxQueryLen) maxQueryLen = queryLen;
    if (seqLens[r] > maxSeqLen) maxSeqLen = seqLens[r];
  }
  return { numComputedTokens, maxQueryLen, maxSeqLen };
}

function readCount(given: number | undefined, name: string, derived: number, most?: number) {
  if (given === undefined) return derived;
  checkInt(given, OP, name, 0, most);
  return given;
}

function readWidth(given: number | undefined, entries: number, batch: number): number {
  const width = given ?? (batch === 0 ? 0 : entries / batch);
  check(
    Number.isInteger(width) && width >= 0 && width * batch === entries,
    OP,
    `blockTable has ${entries} entries: a flat [B, M] needs a multiple of B = ${batch}` +
      (given === undefined ? '' : `, here B * maxBlocksPerReq = ${batch * given}`),
  );
  return width;
}

function readOptional(array: Int32Array | undefined, name: string, length: number | undefined) {
  if (array === undefined) return undefined;
  checkInt32Array(array, OP, name, length, length === undefined ? '' : '[B]');
  return array;
}

function readLogitsCount(options: CommonAttentionMetadataOptions): number | undefined {
  const { logitsIndices, numLogitsIndices } = options;
  if (logitsIndices === undefined) {
    check(
      numLogitsIndices === undefined,
      OP,
      `numLogitsIndices ${numLogitsIndices} needs logitsIndices beside it`,
    );
    return undefined;
  }
  return readCount(
    numLogitsIndices,
    'numLogitsIndices',
    logitsIndices.length,
    logitsIndices.length,
  );
}
