// From products to scores, for the skeletons whose lanes are query rows.
#ifndef TFJS_ATTENTION_SCORES_H
#define TFJS_ATTENTION_SCORES_H
#include "attention.h"

/**
 * Features and masks on the scores of keys [begin, end) of the tile that starts at `key`, for the panel of rows from
 * `firstRow`. Key j's scores lie at s + j * stride. `covered`: positions hide none of the keys from any of the rows.
 */
HOOK void scores_finish(const AttnParams *p, const RowTable *table, float *s, u32 stride, u32 firstRow, int key,
                        u32 begin, u32 end, int covered) {
  int features = score_features(p), masked = p->flags & FEATURE_MASK;
  if (covered && !features && !masked) return;
  for (u32 v = 0; v < TILE_VECTORS; v++) {
    RowLanes row = rows_lanes(table, firstRow + v * LANES);
    for (u32 j = begin; j < end; j++) {
      float *at = s + j * stride + v * LANES;
      vi keys = vi_splat(key + (int)j);
      vf x = vf_load(at);
      if (features) x = score_apply(p, &row, x, keys);
      if (!covered) x = vf_select(mask_visible(p, &row, keys), x, vf_splat(SOFTMAX_NONE));
      if (masked) x = vf_select(mask_allowed(p, &row, keys), x, vf_splat(SOFTMAX_NONE));
      vf_store(at, x);
    }
  }
}

#endif
