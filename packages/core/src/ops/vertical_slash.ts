import { check, checkInt, checkInt32Array } from '../problem/checks.js';

export interface VerticalSlashOptions {
  /** Queries of a row block. Default 64. */
  blockSizeM?: number;
  /** Keys of a block. Default 64. */
  blockSizeN?: number;
  /** Whether a query sees no key behind it; the last query meets the last key. Default true. */
  causal?: boolean;
  /** `[N]` how many of the given verticals and slashes a head has (vLLM `_mergehead`); default all. */
  verticalCounts?: Int32Array;
  slashCounts?: Int32Array;
}

/** What each block of query rows visits, `rows` = ceil(contextSize / blockSizeM) of them. */
export interface VerticalSlashIndexes {
  /** `[B, N, rows]` */
  blockCount: Int32Array;
  /** `[B, N, rows, width]` first keys of blocks, rising; entries past blockCount are 0. */
  blockOffset: Int32Array;
  /** `[B, N, rows]` */
  columnCount: Int32Array;
  /** `[B, N, rows, NV]` single keys outside those blocks, rising; entries past columnCount are 0. */
  columnIndex: Int32Array;
  /** Entries that blockOffset has a row: enough for every slash. */
  width: number;
}

const OP = 'convertVerticalSlashIndexes';

/**
 * Which keys a vertical-slash pattern visits (MInference, Jiang et al., 2024; vLLM `convert_vertical_slash_indexes`). A
 * vertical is a key that every query sees; a slash is a distance: query p sees key p - slash. For each block of rows the
 * slashes' keys become blocks of `blockSizeN`, which overlap nowhere, and the verticals outside of them single columns.
 *
 * ```js
 * // 4 queries and keys, rows of 2, keys of 2: the diagonal and key 0
 * const v = Int32Array.of(0), s = Int32Array.of(0), n = Int32Array.of(4);
 * convertVerticalSlashIndexes(n, n, v, s, 4, 1, {blockSizeM: 2, blockSizeN: 2});
 * // rows 0-1: block 0, no column; rows 2-3: block 2, column 0
 * ```
 *
 * @param qSeqlens `[B]`
 * @param kvSeqlens `[B]`
 * @param verticalIndexes `[B, N, NV]` keys
 * @param slashIndexes `[B, N, NS]` distances, at least 0 where causal
 * @param contextSize longest qSeqlen that the result has rows for
 * @param numHeads N
 * @throws InvalidArgumentError for lengths of lists that B and N do not divide, or a query longer than contextSize.
 */
export function convertVerticalSlashIndexes(
  qSeqlens: Int32Array,
  kvSeqlens: Int32Array,
  verticalIndexes: Int32Array,
  slashIndexes: Int32Array,
  contextSize: number,
  numHeads: number,
  options: VerticalSlashOptions = {},
): VerticalSlashIndexes {
  const { blockSizeM = 64, blockSizeN = 64, causal = true } = options;
  checkInt32Array(qSeqlens, OP, 'qSeqlens', undefined, '[B]');
  checkInt32Array(kvSeqlens, OP, 'kvSeqlens', qSeqlens.length, '[B]');
  checkInt(contextSize, OP, 'contextSize', 1);
  checkInt(numHeads, OP, 'numHeads', 1);
  checkInt(blockSizeM, OP, 'blockSizeM', 1);
  checkInt(blockSizeN, OP, 'blockSizeN', 1);
  const lists = qSeqlens.length * numHeads;
  const numVertical = perList('verticalIndexes', verticalIndexes, lists);
  const numSlash = perList('slashIndexes', slashIndexes, lists);
  qSeqlens.forEach((length, b) =>
    check(
      length >= 0 && length <= contextSize && (!causal || length <= kvSeqlens[b]),
      OP,
      () =>
        `qSeqlens[${b}] = ${length} must be at most contextSize ${contextSize}, and where causal its ${kvSeqlens[b]} keys`,
    ),
  );
  const verticalCounts = counts('verticalCounts', options.verticalCounts, numHeads, numVertical);
  const slashCounts = counts('slashCounts', options.slashCounts, numHeads, numSlash);

  const rows = Math.ceil(contextSize / blockSizeM);
  const width = numSlash * (Math.ceil(blockSizeM / blockSizeN) + 1);
  const result: VerticalSlashIndexes = {
    blockCount: new Int32Array(lists * rows),
    blockOffset: new Int32Array(lists * rows * width),
    columnCount: new Int32Array(lists * rows),
    columnIndex: new Int32Array(lists * rows * numVertical),
    width,
  };
  for (let list = 0; list < lists; list++) {
    const b = Math.floor(list / numHeads);
    const head = list % numHeads;
    const first = list * numVertical;
    const verticals = verticalIndexes.slice(first, first + verticalCounts[head]).sort();
    const from = list * numSlash;
    const slashes = slashIndexes.subarray(from, from + slashCounts[head]);
    for (let row = 0; row * blockSizeM < qSeqlens[b]; row++) {
      const start = row * blockSizeM;
      const end = Math.min(start + blockSizeM, qSeqlens[b]);
      const shift = kvSeqlens[b] - qSeqlens[b];
      const most = causal ? shift + end : kvSeqlens[b];
      const visited = visit(
        { from: shift + start, to: shift + end },
        most,
        slashes,
        verticals,
        blockSizeN,
      );
      const at = list * rows + row;
      result.blockCount[at] = visited.blocks.length;
      result.blockOffset.set(visited.blocks, at * width);
      result.columnCount[at] = visited.columns.length;
      result.columnIndex.set(visited.columns, at * numVertical);
    }
  }
  return result;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Blocks and columns of the queries at positions `queries`, among keys 0 to `most` - 1. */
function visit(
  queries: Span,
  most: number,
  slashes: Int32Array,
  verticals: Int32Array,
  blockSize: number,
): { blocks: number[]; columns: number[] } {
  const spans = [...slashes]
    .map((slash) => ({
      from: Math.max(0, queries.from - slash),
      to: Math.min(most, queries.to - slash),
    }))
    .filter(({ from, to }) => from < to)
    .sort((a, b) => a.from - b.from);
  const blocks: number[] = [];
  for (const { from, to } of spans) {
    // What earlier blocks have is not visited again.
    const covered = blocks.length === 0 ? 0 : (blocks.at(-1) as number) + blockSize;
    for (let key = Math.max(from, covered); key < to; key += blockSize) blocks.push(key);
  }
  const columns: number[] = [];
  let block = 0;
  for (const key of verticals) {
    if (key < 0 || key >= most || key === columns.at(-1)) continue;
    while (block < blocks.length && blocks[block] + blockSize <= key) block++;
    const isCovered = block < blocks.length && blocks[block] <= key;
    if (!isCovered) columns.push(key);
  }
  return { blocks, columns };
}

function perList(name: string, indexes: Int32Array, lists: number): number {
  checkInt32Array(indexes, OP, name, undefined, '[B, N, ...]');
  check(
    lists > 0 && indexes.length > 0 && indexes.length % lists === 0,
    OP,
    () =>
      `${name} has ${indexes.length} entries: it must have as many, at least one, for each of B * N = ${lists}`,
  );
  return indexes.length / lists;
}

function counts(
  name: string,
  given: Int32Array | undefined,
  numHeads: number,
  most: number,
): Int32Array {
  if (given === undefined) return new Int32Array(numHeads).fill(most);
  checkInt32Array(given, OP, name, numHeads, '[N]');
  given.forEach((count, head) => checkInt(count, OP, `${name}[${head}]`, 0, most));
  return given;
}
