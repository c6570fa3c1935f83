// The matrix products of the backward skeleton, and what goes in and out of them.
#ifndef TFJS_ATTENTION_BACKWARD_TILE_H
#define TFJS_ATTENTION_BACKWARD_TILE_H
#include "tile.h"

/**
 * c[TILE_SPLATS][PANEL] = scale * sum over depth of a outer b, or that sum added to c. Element i of step t lies at
 * a[t * aStep + i * aLane], the vectors of step t at b + t * bStep, row i at c + i * cStep: a left operand is read
 * transposed at no cost, since its elements are broadcast one by one.
 */
HOOK void strided_product(int accumulate, const float *a, u32 aStep, u32 aLane, const float *b, u32 bStep, float *c,
                          u32 cStep, u32 depth, float scale) {
  vf sum[TILE_SPLATS][TILE_VECTORS];
  const float *end = a + depth * aStep;
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) {
      sum[i][j] = accumulate ? vf_load(c + i * cStep + j * LANES) : vf_splat(0.0f);
    }
  }
  do {
    vf right[TILE_VECTORS];
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) right[j] = vf_load(b + j * LANES);
    UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
      vf left = vf_splat(a[i * aLane]);
      UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) sum[i][j] = vf_madd(left, right[j], sum[i][j]);
    }
    a += aStep;
    b += bStep;
  } while (a != end);
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) {
      vf_store(c + i * cStep + j * LANES, accumulate ? sum[i][j] : sum[i][j] * vf_splat(scale));
    }
  }
}

/** TILE_SPLATS rows to [depth][TILE_SPLATS]. */
HOOK void pack_block(float *to, const float *const *rows, u32 depth) {
  for (u32 i = 0; i < TILE_SPLATS; i += LANES) pack_transposed(to + i, TILE_SPLATS, rows + i, depth);
}

/** Adds rows that are held transposed, [lane][PANEL], to where they belong (null: left out). */
HOOK void add_transposed(const float *from, float *const rows[LANES], u32 size) {
  for (u32 d = 0; d < size; d += LANES, from += LANES * PANEL) {
    vf block[LANES];
    u32 width = size - d < LANES ? size - d : LANES;
    for (u32 i = 0; i < LANES; i++) block[i] = i < width ? vf_load(from + i * PANEL) : vf_splat(0.0f);
    vf_transpose(block);
    for (u32 i = 0; i < LANES; i++) {
      if (!rows[i]) continue;
      if (width == LANES) vf_store(rows[i] + d, vf_load(rows[i] + d) + block[i]);
      else for (u32 c = 0; c < width; c++) rows[i][d + c] += LANE(block[i], c);
    }
  }
}

HOOK float dot_rows(const float *a, const float *b, u32 size) {
  vf sum = vf_splat(0.0f);
  float rest = 0.0f;
  u32 d = 0;
  for (; d + LANES <= size; d += LANES) sum = vf_madd(vf_load(a + d), vf_load(b + d), sum);
  for (; d < size; d++) rest += a[d] * b[d];
  return vf_sum(sum) + rest;
}

HOOK void fill_floats(float *to, u32 count, float x) {
  for (u32 i = 0; i < count; i++) to[i] = x;
}

HOOK void copy_floats(float *to, const float *from, u32 count) {
  for (u32 i = 0; i < count; i++) to[i] = from[i];
}

#endif
