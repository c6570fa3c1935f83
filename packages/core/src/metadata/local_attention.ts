import { check, checkInt } from '../problem/checks.js';
import { CommonAttentionMetadata } from './common_attention_metadata.js';

const OP = 'makeLocalAttentionVirtualBatches';

/**
 * Makes every chunk of every request a request of its own, so that plain causal attention over the result is attention
 * within chunks of C tokens (vLLM `make_local_attention_virtual_batches`). Tokens keep their order and their slots.
 *
 * ```js
 * // 8 new tokens of 12, chunks of 4, blocks of 2: two requests of 4 tokens over blocks 2, 3 and 4, 5.
 * makeLocalAttentionVirtualBatches(4, common, 2).queryStartLoc;  // [0, 4, 8]
 * ```
 *
 * @param attnChunkSize C, a multiple of `blockSize`
 * @throws InvalidArgumentError where chunks are no whole blocks, or the batch is more than causal: prefixes that escape the
 *   window or see both ways have no place in a chunk.
 */
export function makeLocalAttentionVirtualBatches(
  attnChunkSize: number,
  common: CommonAttentionMetadata,
  blockSize: number,
): CommonAttentionMetadata {
  checkInt(attnChunkSize, OP, 'attnChunkSize', 1);
  checkInt(blockSize, OP, 'blockSize', 1);
  check(
    attnChunkSize % blockSize === 0,
    OP,
    `attnChunkSize ${attnChunkSize} must be a multiple of blockSize ${blockSize}, so that a chunk begins with a block`,
  );
  check(
    common.causal && common.rswaPrefixLens === undefined && common.mmPrefixRanges === undefined,
    OP,
    'the batch must be causal, without rswaPrefixLens and mmPrefixRanges: chunks hide what is before them',
  );
  check(
    common.dcpLocalSeqLens === undefined,
    OP,
    'dcpLocalSeqLens must be absent: chunks are not dealt to several ranks',
  );
  const { numReqs, queryStartLoc, seqLens, maxBlocksPerReq } = common;
  const numVirtual = countVirtual(common, attnChunkSize);
  const blocksPerChunk = attnChunkSize / blockSize;
  const localStartLoc = new Int32Array(numVirtual + 1);
  const localSeqLens = new Int32Array(numVirtual);
  const blockTable = new Int32Array(numVirtual * blocksPerChunk);
  let at = 0;
  for (let r = 0; r < numReqs; r++) {
    const seqLen = seqLens[r];
    let position = seqLen - (queryStartLoc[r + 1] - queryStartLoc[r]);
    do {
      const chunkStart = position - (position % attnChunkSize);
      const end = Math.min(chunkStart + attnChunkSize, seqLen);
      localStartLoc[at + 1] = localStartLoc[at] + end - position;
      localSeqLens[at] = end - chunkStart;
      for (let i = 0; i < blocksPerChunk; i++) {
        // The last chunk may have fewer blocks; what fills its row is never read.
        const column = Math.min(chunkStart / blockSize + i, maxBlocksPerReq - 1);
        blockTable[at * blocksPerChunk + i] = common.blockTable[r * maxBlocksPerReq + column];
      }
      position = end;
      at++;
    } while (position < seqLen);
  }
  return new CommonAttentionMetadata({
    queryStartLoc: localStartLoc,
    seqLens: localSeqLens,
    blockTable,
    maxBlocksPerReq: blocksPerChunk,
    slotMapping: common.slotMapping,
    numActualTokens: common.numActualTokens,
    logitsIndices: common.logitsIndices,
    numLogitsIndices: common.numLogitsIndices,
    enableKvScalesCalculation: common.enableKvScalesCalculation,
  });
}

/** Chunks that the requests' new tokens fall into; one for a request without any. */
function countVirtual({ numReqs, queryStartLoc, seqLens }: CommonAttentionMetadata, chunk: number) {
  let count = 0;
  for (let r = 0; r < numReqs; r++) {
    const queryLen = queryStartLoc[r + 1] - queryStartLoc[r];
    const first = seqLens[r] - queryLen;
    check(
      first >= 0,
      OP,
      `seqLens[${r}] = ${seqLens[r]} must include the request's ${queryLen} new tokens`,
    );
    const last = Math.max(first, seqLens[r] - 1);
    count += Math.floor(last / chunk) - Math.floor(first / chunk) + 1;
  }
  return count;
}
