// Where key or value j of a sequence lies, dense or paged, and what its stored texels mean.
#include "webgl/batch.glsl"
#include "webgl/decode.glsl"

// Row of the cache `[P * C, K]`, or of dense keys `[B, S, K]` or, HEADS_FIRST, `[B, K, S]`.
int kv_row(Sequence sequence, int key, int kvHead) {
#ifdef PAGED
  int block = key / BLOCK_SIZE;
  int slot = batch_block(sequence, block) * BLOCK_SIZE + key - block * BLOCK_SIZE;
  return slot * p_numKvHeads + kvHead;
#elif defined(HEADS_FIRST)
  return (sequence.index * p_numKvHeads + kvHead) * p_maxSeqLen + key;
#else
  return (sequence.index * p_maxSeqLen + key) * p_numKvHeads + kvHead;
#endif
}
