// Which keys a query position may see. The first and last visible key of a group of rows come with the batch.
#include "webgpu/batch.wgsl"
#if FEATURE_MASK && !JOINED_MASK
#bind read mask: array<i32>
#end

fn mask_chunk(position: i32) -> i32 {
  let chunk = position / p.chunkSize;
  return select(chunk, chunk - 1, chunk * p.chunkSize > position);
}

fn mask_in_band(sequence: Sequence, row: Row, key: i32) -> bool {
  var seen = true;
#if FEATURE_CAUSAL
  seen = seen && (key <= row.position || !sequence.causal);
#end
#if FEATURE_WINDOW
  let inWindow = (p.windowLeft < 0 || row.position - key <= p.windowLeft) &&
    (p.windowRight < 0 || key - row.position <= p.windowRight);
  seen = seen && (inWindow || key < sequence.prefix);
#end
#if FEATURE_CHUNK
  let chunks = mask_chunk(row.position) - mask_chunk(key);
  seen = seen && chunks >= 0 && chunks <= p.chunkLookback;
#end
  return seen;
}

fn mask_visible(sequence: Sequence, row: Row, key: i32) -> bool {
  var seen = mask_in_band(sequence, row, key);
#if FEATURE_MM_PREFIX
  seen = seen || (row.rangeFirst <= key && key <= row.rangeLast);
#end
#if FEATURE_MASK
  let at = sequence.index * p.maskStrideBatch + row.head * p.maskStrideHead + row.token * p.maskStrideToken +
    key * p.maskStrideKey;
#if JOINED_MASK
  seen = seen && row.valid && bias[p.maskAt + at] != 0u;
#else
  seen = seen && row.valid && mask[at] != 0;
#end
#end
  return seen && row.valid;
}
