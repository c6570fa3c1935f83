// The one matrix product of the prefill skeleton, and the packing that feeds it.
#ifndef TFJS_ATTENTION_TILE_H
#define TFJS_ATTENTION_TILE_H
#include "attention.h"

_Static_assert(TILE_SPLATS % LANES == 0 || TILE_SPLATS < LANES, "a block is whole vectors or part of one");

/** One step of the depth: the outer product of TILE_SPLATS broadcasts, `apart` floats apart, with a panel's vectors. */
HOOK void tile_step(const float *a, u32 apart, const float *b, vf sum[TILE_SPLATS][TILE_VECTORS]) {
  vf right[TILE_VECTORS];
  UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) right[j] = vf_load(b + j * LANES);
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    vf left = vf_splat(a[i * apart]);
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) sum[i][j] = vf_madd(left, right[j], sum[i][j]);
  }
}

/** `depth` steps, `step` floats of `a` each. TILE_UNROLL of them make a turn: few turns, whose end a processor foresees. */
HOOK void tile_steps(const float *a, u32 apart, u32 step, const float *b, u32 depth,
                     vf sum[TILE_SPLATS][TILE_VECTORS]) {
  const float *end = a + depth * step, *turns = a + depth / TILE_UNROLL * TILE_UNROLL * step;
  for (; a != turns; a += TILE_UNROLL * step, b += TILE_UNROLL * PANEL) {
    UNROLL for (u32 n = 0; n < TILE_UNROLL; n++) tile_step(a + n * step, apart, b + n * PANEL, sum);
  }
  if (TILE_UNROLL > 1) {
    for (; a != end; a += step, b += PANEL) tile_step(a, apart, b, sum);
  }
}

/** s[TILE_SPLATS][PANEL] = scales[i] * sum over `size` of keys [size / TILE_CHUNK][i][TILE_CHUNK] times queries. */
HOOK void tile_scores(const float *keys, const float *queries, float *s, u32 size, const float *scales) {
  vf sum[TILE_SPLATS][TILE_VECTORS];
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) sum[i][j] = vf_splat(0.0f);
  }
  if (TILE_CHUNK == 1) {
    tile_steps(keys, 1, TILE_SPLATS, queries, size, sum);
  } else {
    for (; size >= TILE_CHUNK; size -= TILE_CHUNK, keys += TILE_SPLATS * TILE_CHUNK, queries += TILE_CHUNK * PANEL) {
      tile_steps(keys, TILE_CHUNK, 1, queries, TILE_CHUNK, sum);
    }
    tile_steps(keys, TILE_CHUNK, 1, queries, size, sum);
  }
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) vf_store(s + i * PANEL + j * LANES, sum[i][j] * vf_splat(scales[i]));
  }
}

/** out[TILE_SPLATS][PANEL] (0 where it is `fresh`) += sum over `count` of values [count][VALUE_BLOCK] times weights. */
HOOK void tile_values(const float *values, const float *weights, float *out, u32 count, int fresh) {
  vf sum[TILE_SPLATS][TILE_VECTORS];
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) sum[i][j] = fresh ? vf_splat(0.0f) : vf_load(out + i * PANEL + j * LANES);
  }
  tile_steps(values, 1, VALUE_BLOCK, weights, count, sum);
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) {
    UNROLL for (u32 j = 0; j < TILE_VECTORS; j++) vf_store(out + i * PANEL + j * LANES, sum[i][j]);
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

/** TILE_SPLATS key rows to [size / TILE_CHUNK][row][TILE_CHUNK]. */
HOOK void pack_keys(float *out, const float *const rows[TILE_SPLATS], u32 size) {
  if (TILE_CHUNK == 1) {
    UNROLL for (u32 i = 0; i < TILE_SPLATS; i += LANES) pack_transposed(out + i, TILE_SPLATS, rows + i, size);
    return;
  }
  u32 d = 0;
  for (; d + LANES <= size; d += LANES, out += TILE_SPLATS * LANES) {
    UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) vf_store(out + i * LANES, vf_load(rows[i] + d));
  }
  if (d == size) return;
  UNROLL for (u32 i = 0; i < TILE_SPLATS; i++) vf_store(out + i * LANES, vf_load_part(rows[i] + d, size - d));
}

/** Floats that are copied for a block: just its own, or a whole vector whose rest the next step writes over. */
#define VALUE_STEP(width) ((width) % 4 == 0 ? (width) : TILE_SLACK)

/** Value rows to [block of `width` lanes][row][width], blocks `stride` floats apart, padded with zeros. */
HOOK void pack_values(float *out, u32 width, u32 stride, const float *const *rows, u32 count, u32 size) {
  for (u32 j = 0; j < count; j++, out += width) {
    const float *row = rows[j];
    float *to = out;
    u32 d = 0;
    for (; d + VALUE_STEP(width) <= size; d += width, to += stride) {
      if (VALUE_STEP(width) == width) __builtin_memcpy(to, row + d, width * sizeof(float));
      else vf_store(to, vf_load(row + d));
    }
    for (; d < size; d += width, to += stride) {
      for (u32 i = 0; i < width; i++) to[i] = d + i < size ? row[d + i] : 0.0f;
    }
  }
}

#endif
