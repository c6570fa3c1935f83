// Where key or value j of a sequence lies, dense, paged or packed in tiles, and what its stored texels mean.
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

#if defined(PAGED) && BLOCK_SIZE >= KEYS
// Neighbouring keys, of a tile at most: the table is read for the first and the last instead of for each.
struct Span {
  // Blocks less their number within the sequence; the second serves keys from `border` on.
  int near, far, border;
};

Span kv_span(Sequence sequence, int first, int last) {
  int near = first / BLOCK_SIZE, far = last / BLOCK_SIZE;
  return Span(batch_block(sequence, near) - near, batch_block(sequence, far) - far, far * BLOCK_SIZE);
}

int kv_row_of(Span span, Sequence sequence, int key, int kvHead) {
  return ((key < span.border ? span.near : span.far) * BLOCK_SIZE + key) * p_numKvHeads + kvHead;
}
#else
struct Span { int first; };

Span kv_span(Sequence sequence, int first, int last) { return Span(first); }

int kv_row_of(Span span, Sequence sequence, int key, int kvHead) { return kv_row(sequence, key, kvHead); }
#endif

#ifdef LINE
// Tiles of a KV head that pack_tiles.glsl wrote.
uniform int packedTiles;

// Which of all packed tiles begins with `key`.
int kv_tile(Sequence sequence, int key, int kvHead) { return kvHead * packedTiles + sequence.firstTile + key / KEYS; }

// Packed values: lines of LINE quads, a key below the other, TILES_HIGH tiles in a deck, decks beside each other.
#define TILES_HIGH (4096 / KEYS)

ivec2 kv_values_place(int tile) {
  int deck = tile / TILES_HIGH;
  return ivec2(deck * LINE, (tile - deck * TILES_HIGH) * KEYS);
}
#endif
