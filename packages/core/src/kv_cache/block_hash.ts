import { checkInt } from '../problem/checks.js';
import { sha256 } from './sha256.js';

declare const blockHash: unique symbol;
declare const withGroup: unique symbol;

/** Content of a block and of everything before it: 64 hex digits of SHA-256, so equal means the same tokens. */
export type BlockHash = string & { readonly [blockHash]: true };
/** A {@link BlockHash} within one KV cache group. */
export type BlockHashWithGroupId = string & { readonly [withGroup]: true };

/** What else decides a block's content, e.g. an adapter's name, an image's digest, a tenant's salt. */
export type ExtraKeys = readonly (string | number)[];

/** Parent of a first block. */
export const NONE_HASH = '0'.repeat(64) as BlockHash;

const encoder = new TextEncoder();

/**
 * Hash of one full block, chained to the block before it (vLLM `hash_block_tokens`).
 *
 * @param parent hash of the block before, or null for the first
 */
export function hashBlockTokens(
  parent: BlockHash | null,
  tokenIds: ArrayLike<number>,
  extraKeys: ExtraKeys = [],
): BlockHash {
  // JSON tells 1 from '1' and where an entry ends; lengths in front keep the three parts apart.
  const extra = encoder.encode(extraKeys.length === 0 ? '' : JSON.stringify(extraKeys));
  const bytes = new Uint8Array(64 + 4 + 4 * tokenIds.length + extra.length);
  encoder.encodeInto(parent ?? NONE_HASH, bytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(64, tokenIds.length);
  for (let i = 0; i < tokenIds.length; i++) view.setInt32(68 + 4 * i, tokenIds[i]);
  bytes.set(extra, 68 + 4 * tokenIds.length);
  return sha256(bytes) as BlockHash;
}

/** Hashes of the blocks that `tokenIds` fills from block `known.length` on, appended to `known`. */
export function extendBlockHashes(
  known: BlockHash[],
  tokenIds: ArrayLike<number>,
  blockSize: number,
  extraKeysOf: (block: number) => ExtraKeys = () => [],
): void {
  checkInt(blockSize, 'extendBlockHashes', 'blockSize', 1);
  const numFull = Math.floor(tokenIds.length / blockSize);
  for (let block = known.length; block < numFull; block++) {
    const tokens = new Int32Array(blockSize);
    for (let i = 0; i < blockSize; i++) tokens[i] = tokenIds[block * blockSize + i];
    known.push(hashBlockTokens(known[block - 1] ?? null, tokens, extraKeysOf(block)));
  }
}

export function makeBlockHashWithGroupId(hash: BlockHash, groupId: number): BlockHashWithGroupId {
  return `${hash}${groupId}` as BlockHashWithGroupId;
}

export function getBlockHash(key: BlockHashWithGroupId): BlockHash {
  return key.slice(0, NONE_HASH.length) as BlockHash;
}

export function getGroupId(key: BlockHashWithGroupId): number {
  return Number(key.slice(NONE_HASH.length));
}
