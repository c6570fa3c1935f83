// The rows of a tile of keys or values, as float32.
#ifndef TFJS_ATTENTION_KV_ROWS_H
#define TFJS_ATTENTION_KV_ROWS_H
#include "attention.h"

typedef struct {
  const float **rows, **tokenScales;
  const unsigned char **stored;
  /** Of each row: what its elements, or the products with them, are still to be multiplied with. */
  float *scales;
  /** Room for the decoded rows of types other than float32, and a row of zeros. */
  float *decoded, *zeros;
  u32 stride;
  /** Value rows that hold NaN or infinity: their index, and what `rows` and `scales` held there. */
  u32 *badIndex;
  const float **badRow;
  float *badScale;
} KvTile;

/** Decodes stored rows to float32 rows `stride` apart, before their scales; `tokenScales` (of int4) have zero points. */
SHARED void decode_rows(int dtype, const unsigned char *const *stored, const float *const *tokenScales, u32 count,
                        float *to, u32 stride, u32 size);
/** Whether float16 rows hold neither NaN nor infinity. */
SHARED int finite_float16(const unsigned char *const *stored, u32 count, u32 size);
/** Whether neither a row nor its scale is NaN or infinite. */
SHARED int all_finite(const float *row, u32 size, float scale);

/** Room for `keys` rows of K or V, and TILE_SLACK more that may be read. */
SHARED KvTile kv_tile_layout(const AttnParams *p, Arena *arena, u32 keys);
/** Points at rows [first, first + count) of K or V; TILE_SLACK more are zeros. */
SHARED void kv_tile_load(const AttnParams *p, const KvSide *side, u32 first, u32 count, const KvTile *tile);
/**
 * Puts zeros in place of value rows that are not finite, so that a weight of 0 hides them, and returns how many there
 * are: they are added one by one, and only to the query rows that see them.
 */
SHARED u32 kv_tile_hide_bad(const KvSide *side, u32 count, const KvTile *tile);

#endif
