import type { ParallelConfig } from '../config.js';
import { UnsupportedError } from '../errors.js';
import { check, checkInt, checkInt32Array } from '../problem/checks.js';
import { CommonAttentionMetadata } from './common_attention_metadata.js';

/** Entries start to stop - 1. */
export interface Slice {
  readonly start: number;
  readonly stop: number;
}

/** A part of a batch: some tokens in a row, and the requests they belong to (vLLM `UBatchSlice`). */
export class UBatchSlice {
  constructor(
    readonly requestSlice: Slice,
    readonly tokenSlice: Slice,
  ) {}

  isEmpty(): boolean {
    const { requestSlice, tokenSlice } = this;
    return requestSlice.start === requestSlice.stop || tokenSlice.start === tokenSlice.stop;
  }

  get numTokens(): number {
    return this.tokenSlice.stop - this.tokenSlice.start;
  }
}

/** Whether padding leaves the second half without a token that counts. */
export function isSecondUbatchEmpty(origNumTokens: number, paddedNumTokens: number): boolean {
  return Math.floor(paddedNumTokens / 2) >= origNumTokens;
}

/** Whether a batch is long enough to be cut in two (vLLM `check_ubatch_thresholds`). */
export function checkUbatchThresholds(
  config: ParallelConfig,
  numTokens: number,
  uniformDecode: boolean,
): boolean {
  const { enableDbo = false } = config;
  const { dboDecodeTokenThreshold = 32, dboPrefillTokenThreshold = 512 } = config;
  return enableDbo && numTokens >= (uniformDecode ? dboDecodeTokenThreshold : dboPrefillTokenThreshold); // prettier-ignore
}

/**
 * Cuts a batch before token `splitPoint`; a request with tokens on both sides is in both (vLLM `create_ubatch_slices`).
 *
 * @param numScheduledTokens `[B]` query tokens of each request
 */
export function createUbatchSlices(
  numScheduledTokens: ArrayLike<number>,
  splitPoint: number,
): [UBatchSlice, UBatchSlice] {
  let numTokens = 0;
  let firstStop = 0;
  let secondStart = 0;
  for (let r = 0; r < numScheduledTokens.length; r++) {
    if (numTokens < splitPoint) firstStop = r + 1;
    if (numTokens <= splitPoint) secondStart = r;
    numTokens += numScheduledTokens[r];
  }
  checkInt(splitPoint, 'createUbatchSlices', 'splitPoint', 0, numTokens);
  if (splitPoint === numTokens) secondStart = numScheduledTokens.length;
  return [
    new UBatchSlice({ start: 0, stop: firstStop }, { start: 0, stop: splitPoint }),
    new UBatchSlice(
      { start: secondStart, stop: numScheduledTokens.length },
      { start: splitPoint, stop: numTokens },
    ),
  ];
}

/** Prefix sums of some requests alone: `queryStartLoc` from start to stop, beginning at 0. */
export function sliceQueryStartLocs(queryStartLoc: Int32Array, requests: Slice): Int32Array {
  const op = 'sliceQueryStartLocs';
  checkInt32Array(queryStartLoc, op, 'queryStartLoc', undefined, '[B + 1]');
  checkInt(requests.start, op, 'start', 0, queryStartLoc.length - 1);
  checkInt(requests.stop, op, 'stop', requests.start, queryStartLoc.length - 1);
  const first = queryStartLoc[requests.start];
  return queryStartLoc.slice(requests.start, requests.stop + 1).map((start) => start - first);
}

const OP = 'makeMetadataWithSlice';

/**
 * One part of a batch as a batch of its own (vLLM `_make_metadata_with_slice`). A request whose head was cut off goes on
 * where the other part stops: its computed tokens grow. One whose tail was cut off ends there: its keys shrink. The whole
 * batch stays as it was.
 *
 * @throws InvalidArgumentError for an empty slice, or tokens outside its first and last request.
 */
export function makeMetadataWithSlice(
  ubatchSlice: UBatchSlice,
  attnMetadata: CommonAttentionMetadata,
): CommonAttentionMetadata {
  const { requestSlice: requests, tokenSlice: tokens } = ubatchSlice;
  check(!ubatchSlice.isEmpty(), OP, 'the slice is empty: there is nothing to attend for');
  const { queryStartLoc, maxBlocksPerReq, logitsIndices, numLogitsIndices } = attnMetadata;
  const starts = sliceQueryStartLocs(queryStartLoc, requests);
  const [first, last] = [requests.start, requests.stop - 1];
  checkInside('start', tokens.start, queryStartLoc, first);
  checkInside('stop - 1', tokens.stop - 1, queryStartLoc, last);

  const headTokens = tokens.start - queryStartLoc[first];
  const tailTokens = queryStartLoc[last + 1] - tokens.stop;
  for (let r = 1; r < starts.length; r++) starts[r] -= headTokens;
  starts[starts.length - 1] -= tailTokens;
  const of = (array?: Int32Array) => array?.slice(requests.start, requests.stop);
  const seqLens = attnMetadata.seqLens.slice(requests.start, requests.stop);
  seqLens[seqLens.length - 1] -= tailTokens;
  const numComputedTokens = attnMetadata.numComputedTokens.slice(requests.start, requests.stop);
  numComputedTokens[0] += headTokens;
  if (tailTokens > 0 && attnMetadata.dcpLocalSeqLens !== undefined) {
    throw new UnsupportedError(OP, [
      `request ${last} is cut, and its dcpLocalSeqLens depend on the rank; cut between requests`,
    ]);
  }
  const { blockTable, slotMapping, mmPrefixRanges } = attnMetadata;
  return new CommonAttentionMetadata({
    queryStartLoc: starts,
    seqLens,
    numComputedTokens,
    blockTable: blockTable.slice(requests.start * maxBlocksPerReq, requests.stop * maxBlocksPerReq),
    maxBlocksPerReq,
    slotMapping: slotMapping.slice(tokens.start, tokens.stop),
    causal: attnMetadata.causal,
    logitsIndices: logitsIndices
      ?.subarray(0, numLogitsIndices)
      .filter((token) => token >= tokens.start && token < tokens.stop)
      .map((token) => token - tokens.start),
    encoderSeqLens: of(attnMetadata.encoderSeqLens),
    dcpLocalSeqLens: of(attnMetadata.dcpLocalSeqLens),
    rswaPrefixLens: of(attnMetadata.rswaPrefixLens),
    mmPrefixRanges: mmPrefixRanges?.slice(requests.start, requests.stop),
    enableKvScalesCalculation: attnMetadata.enableKvScalesCalculation,
  });
}

/** Each part as a batch of its own. */
export function splitAttnMetadata(
  ubatchSlices: readonly UBatchSlice[],
  commonAttnMetadata: CommonAttentionMetadata,
): CommonAttentionMetadata[] {
  return ubatchSlices.map((slice) => makeMetadataWithSlice(slice, commonAttnMetadata));
}

function checkInside(name: string, token: number, queryStartLoc: Int32Array, r: number): void {
  check(
    Number.isInteger(token) && token >= queryStartLoc[r] && token < queryStartLoc[r + 1],
    OP,
    `tokenSlice.${name} = ${token} is outside request ${r}, which has tokens ${queryStartLoc[r]} to ${queryStartLoc[r + 1] - 1}`,
  );
}
