import { check, checkInt } from '../problem/checks.js';

/**
 * Slots of the encoder's keys (vLLM `_get_cross_slot_mapping`): request r with E_r encoder tokens has slot
 * `table[r][floor(i / C)] * C + i % C` for i = 0 to E_r - 1; requests follow each other, those with E_r = 0 have none.
 *
 * ```js
 * getCrossSlotMapping(Int32Array.of(3, 0, 1), Int32Array.of(4, 7, 0, 0, 2, 0), 2, 2);  // [8, 9, 14, 4]
 * ```
 *
 * @param encoderSeqLens `[B]`
 * @param blockTable `[B, M]` flat
 * @param maxBlocksPerReq M
 * @param blockSize C
 */
export function getCrossSlotMapping(
  encoderSeqLens: Int32Array,
  blockTable: Int32Array,
  maxBlocksPerReq: number,
  blockSize: number,
): Int32Array {
  const op = 'getCrossSlotMapping';
  checkInt(blockSize, op, 'blockSize', 1);
  const slots = new Int32Array(encoderSeqLens.reduce((sum, length) => sum + length, 0));
  let at = 0;
  encoderSeqLens.forEach((length, r) => {
    check(
      length <= maxBlocksPerReq * blockSize,
      op,
      `request ${r} has ${length} encoder tokens, its ${maxBlocksPerReq} blocks hold ${maxBlocksPerReq * blockSize}`,
    );
    for (let i = 0; i < length; i++) {
      const block = blockTable[r * maxBlocksPerReq + Math.floor(i / blockSize)];
      slots[at++] = block * blockSize + (i % blockSize);
    }
  });
  return slots;
}
