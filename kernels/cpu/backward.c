// Gradients of dense attention. Weights are made again, tile by tile, from q, k and lse (Dao, FlashAttention-2, 2023,
// algorithm 2), so memory beyond the operands does not grow with the sequence. As in the prefill skeleton one lane is one
// query row, and tiles are held [key][row]. A tile of keys meets all rows: its dk and dv stay at hand, dq is added up where
// it belongs. One item is one KV head of one sequence; items touch different parts of dq, dk and dv, so any thread may run
// any of them. Gradients of bias, tree bias and slopes, which heads may share, are for one thread.
#include "kv_rows.h"
#include "backward_tile.h"
#include "scores.h"

#define BACKWARD_PANELS 4
#define BACKWARD_ROWS (BACKWARD_PANELS * PANEL)
#define BACKWARD_KEYS (32 * TILE_SPLATS)
/** Floats that packing may write past a block. */
#define BACKWARD_SLACK (TILE_SPLATS + LANES)

typedef struct {
  /** [panel][H][PANEL] and [row][H], of the block's queries; the same of dout. */
  float *q, *qRows, *dout, *doutRows;
  /** [block of TILE_SPLATS keys][H][TILE_SPLATS], of keys and values; [block of TILE_SPLATS lanes][key][TILE_SPLATS]. */
  float *k, *v, *kLanes;
  /** [key][BACKWARD_ROWS] scores, then weights as values met them; gradients of weights, then of products. */
  float *s, *ds;
  /** [key][PANEL] slope of the soft cap. */
  float *slope;
  /** [key][H], [key][Hv], and a panel's [H][PANEL]. */
  float *dk, *dv, *dq;
  /** By row: lse, the share of the weights that the sink leaves, and what is taken off share * dweight. */
  float *shift, *share, *mean;
  /** By row, what dropout hashes. */
  u32 *dropped;
  KvTile tile;
  RowTable table;
  /** Lanes of a padded row. */
  u32 qWidth, vWidth, kStride, vStride, laneStride;
} Backward;

static u32 backward_pad(int size, u32 step) { return ((u32)size + step - 1) / step * step; }

static Backward backward_layout(const AttnParams *p, Arena *arena) {
  u32 size = (u32)p->headSize, lanes = (u32)p->valueHeadSize, blocks = BACKWARD_KEYS / TILE_SPLATS;
  Backward f;
  f.qWidth = backward_pad(p->headSize, PANEL);
  f.vWidth = backward_pad(p->valueHeadSize, PANEL);
  f.kStride = size * TILE_SPLATS;
  f.vStride = lanes * TILE_SPLATS;
  f.laneStride = BACKWARD_KEYS * TILE_SPLATS + BACKWARD_SLACK;
  f.q = arena_floats(arena, BACKWARD_ROWS * size);
  f.qRows = arena_floats(arena, BACKWARD_ROWS * f.qWidth);
  f.dout = arena_floats(arena, BACKWARD_ROWS * lanes);
  f.doutRows = arena_floats(arena, BACKWARD_ROWS * f.vWidth);
  f.k = arena_floats(arena, blocks * f.kStride + BACKWARD_SLACK);
  f.v = arena_floats(arena, blocks * f.vStride + BACKWARD_SLACK);
  f.kLanes = arena_floats(arena, backward_pad(p->headSize, TILE_SPLATS) / TILE_SPLATS * f.laneStride);
  f.s = arena_floats(arena, BACKWARD_KEYS * BACKWARD_ROWS);
  f.ds = arena_floats(arena, BACKWARD_KEYS * BACKWARD_ROWS);
  f.slope = arena_floats(arena, p->logitsSoftCap > 0 ? BACKWARD_KEYS * PANEL : 0);
  f.dk = arena_floats(arena, BACKWARD_KEYS * f.qWidth);
  f.dv = arena_floats(arena, BACKWARD_KEYS * f.vWidth);
  f.dq = arena_floats(arena, (backward_pad(p->headSize, TILE_SPLATS) + LANES) * PANEL);
  f.shift = arena_floats(arena, BACKWARD_ROWS);
  f.share = arena_floats(arena, BACKWARD_ROWS);
  f.mean = arena_floats(arena, BACKWARD_ROWS);
  f.dropped = arena_take(arena, BACKWARD_ROWS * sizeof(u32));
  f.tile = kv_tile_layout(p, arena, BACKWARD_KEYS);
  f.table = rows_layout(arena, BACKWARD_ROWS);
  return f;
}

EXPORT address attn_backward_scratch_bytes(const AttnParams *p) {
  Arena arena = {0};
  backward_layout(p, &arena);
  return arena.next + 64;
}

/** Keys and values of a tile as the products want them. A key that is not finite is hidden from dq's. */
static void backward_load_keys(const AttnParams *p, const KvSide *keys, const KvSide *values, const Backward *f, u32 key,
                               u32 count) {
  kv_tile_load(p, values, key, count, &f->tile);
  for (u32 j = 0; j < count; j += TILE_SPLATS) {
    pack_block(f->v + j / TILE_SPLATS * f->vStride, f->tile.rows + j, (u32)p->valueHeadSize);
  }
  kv_tile_load(p, keys, key, count, &f->tile);
  for (u32 j = 0; j < count; j += TILE_SPLATS) {
    pack_block(f->k + j / TILE_SPLATS * f->kStride, f->tile.rows + j, (u32)p->headSize);
  }
  kv_tile_hide_bad(keys, count, &f->tile);
  pack_values(f->kLanes, TILE_SPLATS, f->laneStride, f->tile.rows, count, (u32)p->headSize);
}

/** What a row's weights are made from, beside its scores. */
static void backward_load_row(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                              const AttnItem *item, const Backward *f, u32 r) {
  int row = item->row + (int)r;
  const float *out = row_out(p, o, s, item, row), *dout = g->dout + (out - o->out);
  float *lse = o->lse + row_offset(s, item, row, p->lseStrideBatch, p->lseStrideToken, p->lseStrideHead);
  vf m = vf_splat(*lse), shift = softmax_shift(m), share = vf_splat(1.0f);
  if (p->flags & FEATURE_SINKS) {
    vf sink = vf_splat(row_sink(p, o, s, item, row)), top = softmax_shift(vf_max(m, sink));
    vf weight = softmax_rescale(m, top);
    share = vf_select(m == vf_splat(SOFTMAX_NONE), vf_splat(0.0f), weight / (weight + softmax_exp(sink - top)));
  }
  copy_floats(f->doutRows + r * f->vWidth, dout, (u32)p->valueHeadSize);
  copy_floats(f->qRows + r * f->qWidth, row_query(p, o, s, item, row), (u32)p->headSize);
  f->shift[r] = LANE(shift, 0);
  f->share[r] = LANE(share, 0);
  f->mean[r] = f->share[r] * dot_rows(dout, out, (u32)p->valueHeadSize) - g->dlse[lse - o->lse];
  if (p->flags & FEATURE_DROPOUT) {
    f->dropped[r] = dropout_row(p, o, item->sequence, row_head(s, item, row), row_token(s, row));
  }
}

/** Rows past the item's weigh nothing. */
static void backward_load_rows(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                               const AttnItem *item, Backward *f) {
  rows_fill(p, o, item, s, &f->table, BACKWARD_ROWS);
  for (u32 r = 0; r < BACKWARD_ROWS; r++) {
    if (r < (u32)item->rows) {
      backward_load_row(p, o, g, s, item, f, r);
      continue;
    }
    fill_floats(f->doutRows + r * f->vWidth, (u32)p->valueHeadSize, 0.0f);
    fill_floats(f->qRows + r * f->qWidth, (u32)p->headSize, 0.0f);
    f->shift[r] = -SOFTMAX_NONE;
    f->share[r] = f->mean[r] = 0.0f;
    f->dropped[r] = 0;
  }
  for (u32 r = 0; r < BACKWARD_ROWS; r += LANES) {
    const float *q[LANES], *dout[LANES];
    for (u32 i = 0; i < LANES; i++) q[i] = f->qRows + (r + i) * f->qWidth;
    for (u32 i = 0; i < LANES; i++) dout[i] = f->doutRows + (r + i) * f->vWidth;
    pack_transposed(f->q + r / PANEL * PANEL * (u32)p->headSize + r % PANEL, PANEL, q, (u32)p->headSize);
    pack_transposed(f->dout + r / PANEL * PANEL * (u32)p->valueHeadSize + r % PANEL, PANEL, dout,
                    (u32)p->valueHeadSize);
  }
}

/** Rows of keys, [begin, end) in whole blocks, times a panel: to `to`, [key][BACKWARD_ROWS]. */
HOT void backward_products(const float *keys, u32 stride, const float *panel, float *to, u32 begin, u32 end, u32 depth,
                           float scale) {
  for (u32 j = begin / TILE_SPLATS * TILE_SPLATS; j < end; j += TILE_SPLATS) {
    strided_product(0, keys + j / TILE_SPLATS * stride, TILE_SPLATS, 1, panel, PANEL, to + j * BACKWARD_ROWS,
                    BACKWARD_ROWS, depth, scale);
  }
}

/** Adds weights [key][row] times rows [row][width] to [key][width]. */
HOT void backward_sums(const float *weights, const float *rows, float *to, u32 begin, u32 end, u32 width) {
  for (u32 j = begin / TILE_SPLATS * TILE_SPLATS; j < end; j += TILE_SPLATS) {
    for (u32 d = 0; d < width; d += PANEL) {
      strided_product(1, weights + j * BACKWARD_ROWS, 1, BACKWARD_ROWS, rows + d, width, to + j * width + d, width,
                      BACKWARD_ROWS, 1.0f);
    }
  }
}

HOT void backward_queries(const Backward *f, const float *ds, u32 begin, u32 end, u32 size) {
  const float *keys = f->kLanes + begin * TILE_SPLATS;
  for (u32 d = 0; d < size; d += TILE_SPLATS, keys += f->laneStride) {
    strided_product(0, keys, TILE_SPLATS, 1, ds + begin * BACKWARD_ROWS, BACKWARD_ROWS, f->dq + d * PANEL, PANEL,
                    end - begin, 1.0f);
  }
}

/** Gradients of what was added to the scores of LANES rows and one key. */
static void backward_score(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                           const AttnItem *item, const RowTable *t, u32 row, int key, vf d) {
  for (u32 i = 0; i < LANES && row + i < (u32)item->rows; i++) {
    u32 r = row + i;
    float x = LANE(d, i);
    if (g->dbias) g->dbias[t->bias[r] - o->bias + (address)(u32)key * (u32)p->biasStrideKey] += x;
    if (g->dalibiSlopes) {
      int distance = t->position[r] - key;
      g->dalibiSlopes[row_head(s, item, item->row + (int)r)] -= x * (float)(distance < 0 ? -distance : distance);
    }
    int column = key - t->context;
    if (g->dqqBias && column >= 0 && column < t->qqLimit[r]) g->dqqBias[t->qqBias[r] - o->qqBias + column] += x;
  }
}

/** From scores and gradients of weights to weights and gradients of products, for keys [begin, end) and a panel. */
static void backward_weights(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                             const AttnItem *item, const Backward *f, u32 panel, int key, u32 begin, u32 end) {
  int capped = p->logitsSoftCap > 0, drops = p->flags & FEATURE_DROPOUT;
  int scores = g->dbias || g->dalibiSlopes || g->dqqBias;
  for (u32 v = 0; v < TILE_VECTORS; v++) {
    u32 row = panel * PANEL + v * LANES;
    vf shift = vf_load(f->shift + row), share = vf_load(f->share + row), mean = vf_load(f->mean + row);
    vu dropped = (vu)vi_load((const int *)f->dropped + row);
    for (u32 j = begin; j < end; j++) {
      float *s_at = f->s + j * BACKWARD_ROWS + row, *ds_at = f->ds + j * BACKWARD_ROWS + row;
      vf weight = softmax_weight(vf_load(s_at), shift), met = weight * share, d = vf_load(ds_at) * share;
      if (drops) {
        vf factor = dropout_factor(dropped, o->dropout[1], vi_splat(key + (int)j));
        met = met * factor;
        d = d * factor;
      }
      // Where the weight is 0 the value may be anything.
      d = vf_select(weight == vf_splat(0.0f), vf_splat(0.0f), weight * (d - mean));
      if (scores) backward_score(p, o, g, s, item, &f->table, row, key + (int)j, d);
      if (capped) d = d * vf_load(f->slope + j * PANEL + v * LANES);
      vf_store(s_at, met);
      vf_store(ds_at, d * vf_splat(p->softmaxScale));
    }
  }
}

static void backward_slopes(const AttnParams *p, const Backward *f, u32 panel, u32 begin, u32 end) {
  for (u32 j = begin; j < end; j++) {
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
      vf s = vf_load(f->s + j * BACKWARD_ROWS + panel * PANEL + v * LANES);
      vf_store(f->slope + j * PANEL + v * LANES, score_softcap_slope(s, p->logitsSoftCap));
    }
  }
}

static void backward_zeros(const Backward *f, u32 panel, u32 begin, u32 end) {
  for (u32 j = begin; j < end; j++) {
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
      u32 at = j * BACKWARD_ROWS + panel * PANEL + v * LANES;
      vf_store(f->s + at, vf_splat(0.0f));
      vf_store(f->ds + at, vf_splat(0.0f));
    }
  }
}

static void backward_add_queries(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                                 const AttnItem *item, const Backward *f, u32 panel) {
  for (u32 v = 0; v < PANEL; v += LANES) {
    float *rows[LANES];
    for (u32 i = 0; i < LANES; i++) {
      u32 r = panel * PANEL + v + i;
      rows[i] = r < (u32)item->rows ? g->dq + (row_query(p, o, s, item, item->row + (int)r) - o->q) : 0;
    }
    add_transposed(f->dq + v, rows, (u32)p->headSize);
  }
}

/** A block of rows against a tile of keys, whose dk and dv grow. */
static void backward_block(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                           const AttnItem *item, const Backward *f, int key, u32 count) {
  u32 size = (u32)p->headSize, lanes = (u32)p->valueHeadSize, least = count, most = 0;
  u32 padded = (count + TILE_SPLATS - 1) / TILE_SPLATS * TILE_SPLATS;
  for (u32 panel = 0; panel < BACKWARD_PANELS; panel++) {
    MaskBounds first = rows_bounds(&f->table, panel * PANEL), last = rows_bounds(&f->table, (panel + 1) * PANEL - 1);
    int from = key, to = key + (int)count;
    mask_clip(mask_range(first, last), &from, &to);
    if (from >= to || panel * PANEL >= (u32)item->rows) {
      backward_zeros(f, panel, 0, padded);
      continue;
    }
    u32 begin = (u32)(from - key), end = (u32)(to - key);
    backward_products(f->k, f->kStride, f->q + panel * PANEL * size, f->s + panel * PANEL, begin, end, size,
                      p->softmaxScale);
    backward_products(f->v, f->vStride, f->dout + panel * PANEL * lanes, f->ds + panel * PANEL, begin, end, lanes, 1.0f);
    if (p->logitsSoftCap > 0) backward_slopes(p, f, panel, begin, end);
    scores_finish(p, &f->table, f->s + panel * PANEL, BACKWARD_ROWS, panel * PANEL, key, begin, end,
                  mask_covers(p, first, last, from, to));
    backward_weights(p, o, g, s, item, f, panel, key, begin, end);
    backward_zeros(f, panel, 0, begin);
    backward_zeros(f, panel, end, padded);
    if (g->dq) {
      backward_queries(f, f->ds + panel * PANEL, begin, end, size);
      backward_add_queries(p, o, g, s, item, f, panel);
    }
    least = begin < least ? begin : least;
    most = end > most ? end : most;
  }
  if (least >= most) return;
  if (g->dk) backward_sums(f->ds, f->qRows, f->dk, least, most, f->qWidth);
  if (g->dv) backward_sums(f->s, f->doutRows, f->dv, least, most, f->vWidth);
}

/** All rows of the head against the tile of `count` keys from `key`. */
static void backward_tile(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, const Sequence *s,
                          const AttnItem *head, Backward *f, int key, u32 count) {
  KvSide keys = kv_keys(p, o, head->sequence, head->kvHead), values = kv_values(p, o, head->sequence, head->kvHead);
  AttnItem item = *head;
  int loaded = 0;
  for (item.row = 0; item.row < s->rows; item.row += BACKWARD_ROWS) {
    item.rows = mask_min(BACKWARD_ROWS, s->rows - item.row);
    int from = key, to = key + (int)count;
    mask_clip(rows_range(p, s, item.row, item.rows), &from, &to);
    if (from >= to) continue;
    if (!loaded) {
      backward_load_keys(p, &keys, &values, f, (u32)key, count);
      fill_floats(f->dk, BACKWARD_KEYS * f->qWidth, 0.0f);
      fill_floats(f->dv, BACKWARD_KEYS * f->vWidth, 0.0f);
      loaded = 1;
    }
    backward_load_rows(p, o, g, s, &item, f);
    backward_block(p, o, g, s, &item, f, key, count);
  }
  for (u32 j = 0; loaded && j < count; j++) {
    address batch = (address)(u32)head->sequence, token = (address)(u32)key + j, n = (address)(u32)head->kvHead;
    if (g->dk) {
      float *to = g->dk + batch * (u32)p->kStrideBatch + token * (u32)p->kStrideToken + n * (u32)p->kStrideHead;
      copy_floats(to, f->dk + j * f->qWidth, (u32)p->headSize);
    }
    if (g->dv) {
      float *to = g->dv + batch * (u32)p->vStrideBatch + token * (u32)p->vStrideToken + n * (u32)p->vStrideHead;
      copy_floats(to, f->dv + j * f->vWidth, (u32)p->valueHeadSize);
    }
  }
}

/** Items [begin, end): item i is KV head i % K of sequence i / K. */
EXPORT void attn_backward(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, u32 begin, u32 end,
                          void *scratch) {
  Arena arena = {(address)scratch};
  Backward f = backward_layout(p, &arena);
  for (u32 d = 0; d < f.tile.stride; d++) f.tile.zeros[d] = 0.0f;
  for (u32 i = begin; i < end; i++) {
    AttnItem head = {(int)(i / (u32)p->numKvHeads), (int)(i % (u32)p->numKvHeads), 0, 0, 0, 0, 1, 0};
    Sequence s = sequence_at(p, o, head.sequence);
    for (int key = 0; key < s.seqLen; key += BACKWARD_KEYS) {
      backward_tile(p, o, g, &s, &head, &f, key, (u32)mask_min(BACKWARD_KEYS, s.seqLen - key));
    }
  }
}
