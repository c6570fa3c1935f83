// The one matrix product of the prefill skeleton, and the packing that feeds it.
#ifndef TFJS_ATTENTION_TILE_H
#define TFJS_ATTENTION_TILE_H
#include "attention.h"

_Static_assert(TILE_SPLATS % LANES == 0 || TILE_SPLATS < LANES, "a block is whole vectors or part of one");

/** One step of the depth: the outer product of TILE_SPLATS broadcasts with a panel's vectors. */
HOOK void tile_step(const float *a, const float *b, vf sum[TILE_SPLATS][TILE_VECTORS]) {
  vf right[TILE_VECTORS];
  UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) right[j] = vf_load(b + j * LANES);
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    vf left = vf_splat(a[i]);
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) sum[i][j] = vf_madd(left, right[j], sum[i][j]);
  }
}

/**
 * c[TILE_SPLATS][PANEL] = sum over depth of a[depth][TILE_SPLATS] outer b[depth][PANEL], added to c, or else with row i
 * times scales[i]. TILE_UNROLL steps make a turn: few turns, whose end a processor can foresee.
 */
HOOK void tile_product(int accumulate, const float *a, const float *b, float *c, u32 depth, const float *scales) {
  vf sum[TILE_SPLATS][TILE_VECTORS];
  const float *end = a + depth * TILE_SPLATS, *turns = a + depth / TILE_UNROLL * TILE_UNROLL * TILE_SPLATS;
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) {
      sum[i][j] = accumulate ? vf_load(c + i * PANEL + j * LANES) : vf_splat(0.0f);
    }
  }
  for (; a != turns; a += TILE_UNROLL * TILE_SPLATS, b += TILE_UNROLL * PANEL) {
    UNROLL for (u32 n = 0; n < TILE_UNROLL; n++) tile_step(a + n * TILE_SPLATS, b + n * PANEL, sum);
  }
  if (TILE_UNROLL > 1) {
    for (; a != end; a += TILE_SPLATS, b += PANEL) tile_step(a, b, sum);
  }
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) {
      vf_store(c + i * PANEL + j * LANES, accumulate ? sum[i][j] : sum[i][j] * vf_splat(scales[i]));
    }
  }
}

/**
 * out[d * width + i] = rows[i][d] for i < LANES. Where width < LANES, the excess lanes of a step are written
 * over by the next one: `out` needs LANES floats more than it keeps.
 */
HOOK void pack_transposed(float *out, u32 width, const float *const rows[LANES], u32 depth) {
  u32 d = 0;
  for (; d + LANES <= depth; d += LANES) {
    vf block[LANES];
    UNROLL for (u32 i = 0; i < LANES; i++) block[i] = vf_load(rows[i] + d);
    vf_transpose(block);
    UNROLL for (u32 i = 0; i < LANES; i++) vf_store(out + (d + i) * width, block[i]);
  }
  for (; d < depth; d++) {
    vf column;
    UNROLL for (u32 i = 0; i < LANES; i++) LANE(column, i) = rows[i][d];
    vf_store(out + d * width, column);
  }
}

/** Floats that are copied for a block: just its own, or a whole vector whose rest the next step writes over. */
#define VALUE_STEP (TILE_SPLATS % 4 == 0 ? TILE_SPLATS : TILE_SLACK)

/** Value rows to [block of TILE_SPLATS lanes][row][TILE_SPLATS], blocks `stride` floats apart, padded with zeros. */
HOOK void pack_values(float *out, u32 stride, const float *const *rows, u32 count, u32 size) {
  for (u32 j = 0; j < count; j++, out += TILE_SPLATS) {
    const float *row = rows[j];
    float *to = out;
    u32 d = 0;
    for (; d + VALUE_STEP <= size; d += TILE_SPLATS, to += stride) {
      if (VALUE_STEP == TILE_SPLATS) __builtin_memcpy(to, row + d, TILE_SPLATS * sizeof(float));
      else vf_store(to, vf_load(row + d));
    }
    for (; d < size; d += TILE_SPLATS, to += stride) {
      for (u32 i = 0; i < TILE_SPLATS; i++) to[i] = d + i < size ? row[d + i] : 0.0f;
    }
  }
}

#endif
