// Many query rows: tiles of keys against panels of rows, one lane per row. Scores and output are held transposed
// ([key][row], [lane of v][row]), so that softmax needs no horizontal step and both products are one register tile.
#include "ahead.h"
#include "kv_rows.h"
#include "scores.h"
#include "tile.h"

typedef struct {
  /** [panel][H][PANEL]; [panel][Hv][PANEL], lanes of v padded to TILE_SPLATS. */
  float *q, *out;
  /** [row] the state beside `out`. */
  float *m, *l;
  /** [panel] `out` holds nothing yet. */
  int *fresh;
  /** [block of TILE_SPLATS keys][H / TILE_CHUNK][TILE_SPLATS][TILE_CHUNK]; [block of VALUE_BLOCK lanes][key][VALUE_BLOCK]. */
  float *k, *v;
  /** [key][PANEL] scores, then weights. */
  float *s;
  /** [bad key][PANEL] 1 = the row sees that key. */
  int *badSeen;
  /** [key] scales of the tile's scores. */
  float *keyScales;
  KvTile tile;
  Ahead ahead;
  RowTable table;
  u32 qStride, outStride, kStride, vStride;
  /** From products of stored numbers to scores, and from weighted values to the output. */
  float keyScale, valueScale;
} Prefill;

static Prefill prefill_layout(const AttnParams *p, Arena *arena) {
  u32 size = (u32)p->headSize, lanes = (u32)p->valueHeadSize;
  u32 padded = (lanes + TILE_SPLATS - 1) / TILE_SPLATS * TILE_SPLATS;
  Prefill f;
  f.qStride = size * PANEL;
  f.outStride = padded * PANEL;
  f.kStride = (size + TILE_CHUNK - 1) / TILE_CHUNK * TILE_CHUNK * TILE_SPLATS;
  f.vStride = PREFILL_KEYS * VALUE_BLOCK + LANES;
  f.q = arena_floats(arena, PREFILL_PANELS * f.qStride);
  f.out = arena_floats(arena, PREFILL_PANELS * f.outStride);
  f.m = arena_floats(arena, PREFILL_ROWS);
  f.l = arena_floats(arena, PREFILL_ROWS);
  f.k = arena_floats(arena, PREFILL_KEYS / TILE_SPLATS * f.kStride + LANES);
  f.v = arena_floats(arena, (lanes + VALUE_BLOCK - 1) / VALUE_BLOCK * f.vStride);
  f.fresh = arena_take(arena, PREFILL_PANELS * sizeof(*f.fresh));
  f.s = arena_floats(arena, PREFILL_KEYS * PANEL);
  f.badSeen = arena_take(arena, PREFILL_KEYS * PANEL * sizeof(int));
  f.keyScales = arena_floats(arena, PREFILL_KEYS + TILE_SLACK);
  f.tile = kv_tile_layout(p, arena, PREFILL_KEYS);
  f.ahead = ahead_layout(arena);
  f.table = rows_layout(arena, PREFILL_ROWS);
  return f;
}

SHARED address prefill_scratch(const AttnParams *p) {
  Arena arena = {0};
  prefill_layout(p, &arena);
  return arena.next;
}

static void load_queries(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                         const Prefill *f, u32 panels) {
  for (u32 row = 0; row < panels * PANEL; row += LANES) {
    const float *rows[LANES];
    for (u32 i = 0; i < LANES; i++) {
      rows[i] = row + i < (u32)item->rows ? row_query(p, o, s, item, item->row + (int)(row + i)) : f->tile.zeros;
    }
    float *panel = f->q + row / PANEL * f->qStride + row % PANEL;
    pack_transposed(panel, PANEL, rows, (u32)p->headSize);
  }
}

static void start_states(const Prefill *f, u32 panels) {
  for (u32 r = 0; r < panels * PANEL; r += LANES) {
    vf_store(f->m + r, vf_splat(SOFTMAX_NONE));
    vf_store(f->l + r, vf_splat(0.0f));
  }
  for (u32 i = 0; i < panels; i++) f->fresh[i] = 1;
}

static void load_keys(const AttnParams *p, const KvSide *keys, const Prefill *f, u32 key, u32 count) {
  kv_tile_load(p, keys, key, count, &f->tile);
  float *to = f->k;
  for (u32 j = 0; j < count; j += TILE_SPLATS, to += f->kStride) {
    pack_keys(to, f->tile.rows + j, (u32)p->headSize);
  }
  for (u32 j = 0; j < count + TILE_SPLATS; j++) f->keyScales[j] = f->tile.scales[j] * f->keyScale;
}

/** Returns the number of value rows that are not finite. */
static u32 load_values(const AttnParams *p, const KvSide *values, const Prefill *f, u32 key, u32 count, int careful) {
  kv_tile_load(p, values, key, count, &f->tile);
  u32 bad = careful ? kv_tile_hide_bad(values, count, &f->tile) : 0;
  pack_values(f->v, VALUE_BLOCK, f->vStride, f->tile.rows, count, (u32)p->valueHeadSize);
  return bad;
}

/** Each row's largest score: four keys at a time, since one would wait for the last. */
HOOK void largest_scores(const Prefill *f, u32 begin, u32 end, vf most[TILE_VECTORS]) {
  vf chain[4][TILE_VECTORS];
  u32 j = begin;
  UNROLL for (u32 c = 0; c < 4; c++) {
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) chain[c][v] = vf_splat(SOFTMAX_NONE);
  }
  for (; j + 4 <= end; j += 4) {
    UNROLL for (u32 c = 0; c < 4; c++) {
      const float *at = f->s + (j + c) * PANEL;
      UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) chain[c][v] = vf_max(chain[c][v], vf_load(at + v * LANES));
    }
  }
  for (; j < end; j++) {
    const float *at = f->s + j * PANEL;
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) chain[0][v] = vf_max(chain[0][v], vf_load(at + v * LANES));
  }
  UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
    most[v] = vf_max(vf_max(chain[0][v], chain[1][v]), vf_max(chain[2][v], chain[3][v]));
  }
}

/** Scores to weights; rescales the panel's rows where their m rises. */
static void update_states(const Prefill *f, u32 panel, u32 begin, u32 end) {
  float *m = f->m + panel * PANEL, *l = f->l + panel * PANEL;
  vf most[TILE_VECTORS], sum[TILE_VECTORS], shift[TILE_VECTORS], scale[TILE_VECTORS];
  vi rose = vi_splat(0);
  largest_scores(f, begin, end, most);
  UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
    vf before = vf_load(m + v * LANES), now = softmax_raise(before, most[v]);
    rose |= now > before;
    shift[v] = softmax_shift(now);
    scale[v] = softmax_rescale(before, shift[v]);
    sum[v] = vf_load(l + v * LANES) * scale[v];
    vf_store(m + v * LANES, now);
  }
  if (vi_any(rose) && !f->fresh[panel]) {
    float *out = f->out + panel * f->outStride, *stop = out + f->outStride;
    for (; out != stop; out += PANEL) {
      UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) vf_store(out + v * LANES, vf_load(out + v * LANES) * scale[v]);
    }
  }
  for (u32 j = begin; j < end; j++) {
    float *at = f->s + j * PANEL;
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
      vf weight = softmax_weight(vf_load(at + v * LANES), shift[v]);
      sum[v] = sum[v] + weight;
      vf_store(at + v * LANES, weight);
    }
  }
  UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) vf_store(l + v * LANES, sum[v]);
}

/** Weights take their value's token scale after they were summed. */
static void scale_weights(const Prefill *f, u32 begin, u32 end) {
  for (u32 j = begin; j < end; j++) {
    vf scale = vf_splat(f->tile.scales[j]);
    UNROLL for (u32 v = 0; v < TILE_VECTORS; v++) {
      float *at = f->s + j * PANEL + v * LANES;
      vf_store(at, vf_load(at) * scale);
    }
  }
}

static void note_bad(const Prefill *f, u32 bad) {
  for (u32 i = 0; i < bad; i++) {
    const float *s = f->s + f->tile.badIndex[i] * PANEL;
    for (u32 r = 0; r < PANEL; r++) f->badSeen[i * PANEL + r] = s[r] != SOFTMAX_NONE;
  }
}

/** Values that are NaN or infinite reach only the rows that see them. */
static void add_bad_panel(const AttnParams *p, const Prefill *f, u32 panel, u32 bad, u32 begin, u32 end) {
  for (u32 i = 0; i < bad; i++) {
    u32 j = f->tile.badIndex[i];
    if (j < begin || j >= end) continue;
    for (u32 r = 0; r < PANEL; r++) {
      if (!f->badSeen[i * PANEL + r]) continue;
      float *out = f->out + panel * f->outStride + r, weight = f->s[j * PANEL + r] * f->tile.badScale[i];
      for (u32 d = 0; d < (u32)p->valueHeadSize; d++) out[d * PANEL] += weight * f->tile.badRow[i][d];
    }
  }
}

/** Weights are dropped after they were summed. */
static void drop_weights(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                         const Prefill *f, u32 firstRow, int key, u32 begin, u32 end) {
  for (u32 v = 0; v < TILE_VECTORS; v++) {
    vu rows;
    for (u32 i = 0; i < LANES; i++) {
      int row = item->row + mask_min((int)(firstRow + v * LANES + i), item->rows - 1);
      LANE(rows, i) = dropout_row(p, o, item->sequence, row_head(s, item, row), row_token(s, row));
    }
    for (u32 j = begin; j < end; j++) {
      float *at = f->s + j * PANEL + v * LANES;
      vf_store(at, vf_load(at) * dropout_factor(rows, o->dropout[1], vi_splat(key + (int)j)));
    }
  }
}

/** What comes after the tile: the next one's keys and values or, after the last one, the rows of the output. */
static void plan_ahead(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item, Ahead *a,
                       const KvSide *keys, const KvSide *values, MaskRange range, int done) {
  int left = item->end - done;
  if (!FETCH_AHEAD) return;
  if (left > 0) {
    int key = mask_key(range, done);
    ahead_keys(a, keys, values, (u32)key, (u32)mask_min(left, PREFILL_KEYS));
  } else if (item->splits == 1) {
    ahead_outputs(a, p, o, s, item);
  }
}

/** One panel against the tile of `count` keys from `key`. */
static void panel_tile(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                       Prefill *f, u32 panel, int key, int count, u32 bad) {
  u32 firstRow = panel * PANEL;
  MaskBounds first = rows_bounds(&f->table, firstRow), last = rows_bounds(&f->table, firstRow + PANEL - 1);
  int from = key, to = key + count;
  mask_clip(mask_range(first, last), &from, &to);
  if (from >= to) return;
  u32 begin = (u32)(from - key), end = (u32)(to - key), size = (u32)p->headSize;
  for (u32 block = begin / TILE_SPLATS; block * TILE_SPLATS < end; block++) {
    tile_scores(f->k + block * f->kStride, f->q + panel * f->qStride, f->s + block * TILE_SPLATS * PANEL, size,
                f->keyScales + block * TILE_SPLATS);
    ahead_fetch(&f->ahead);
  }
  scores_finish(p, &f->table, f->s, PANEL, firstRow, key, begin, end, mask_covers(p, first, last, from, to));
  note_bad(f, bad);
  update_states(f, panel, begin, end);
  if (kv_has_token_scales(p->kvDtype)) scale_weights(f, begin, end);
  if (p->flags & FEATURE_DROPOUT) drop_weights(p, o, s, item, f, firstRow, key, begin, end);
  const float *v = f->v + begin * VALUE_BLOCK, *weights = f->s + begin * PANEL;
  float *out = f->out + panel * f->outStride;
  for (u32 d = 0; d < (u32)p->valueHeadSize; d += TILE_SPLATS) {
    const float *block = v + d / VALUE_BLOCK * f->vStride + d % VALUE_BLOCK;
    tile_values(block, weights, out + d * PANEL, end - begin, f->fresh[panel]);
  }
  f->fresh[panel] = 0;
  add_bad_panel(p, f, panel, bad, begin, end);
}

/** Rows firstRow .. + LANES of the transposed output, each times its factor, to `rows` (null: left out). */
static void write_rows(const Prefill *f, u32 firstRow, vf factor, float *const rows[LANES], u32 size) {
  const float *out = f->out + firstRow / PANEL * f->outStride + firstRow % PANEL;
  for (u32 d = 0; d < size; d += LANES, out += LANES * PANEL) {
    vf block[LANES];
    u32 width = size - d < LANES ? size - d : LANES;
    for (u32 i = 0; i < LANES; i++) block[i] = i < width ? vf_load(out + i * PANEL) * factor : vf_splat(0.0f);
    vf_transpose(block);
    for (u32 i = 0; i < LANES; i++) {
      if (!rows[i]) continue;
      if (width == LANES) vf_store(rows[i] + d, block[i]);
      else for (u32 c = 0; c < width; c++) rows[i][d + c] = LANE(block[i], c);
    }
  }
}

/** Panels that saw no key hold 0. */
static void settle_states(const Prefill *f, u32 panels) {
  for (u32 panel = 0; panel < panels; panel++) {
    if (!f->fresh[panel]) continue;
    float *out = f->out + panel * f->outStride;
    for (u32 i = 0; i < f->outStride; i += LANES) vf_store(out + i, vf_splat(0.0f));
  }
}

static void write_outputs(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                          const Prefill *f) {
  for (u32 r = 0; r < (u32)item->rows; r += LANES) {
    float *rows[LANES];
    vf sink = vf_splat(SOFTMAX_NONE);
    u32 count = (u32)item->rows - r < LANES ? (u32)item->rows - r : LANES;
    for (u32 i = 0; i < LANES; i++) rows[i] = i < count ? row_out(p, o, s, item, item->row + (int)(r + i)) : 0;
    for (u32 i = 0; i < count; i++) LANE(sink, i) = row_sink(p, o, s, item, item->row + (int)(r + i));
    SoftmaxResult result = softmax_finish(vf_load(f->m + r), vf_load(f->l + r), sink);
    for (u32 i = 0; i < count; i++) row_write_lse(p, o, s, item, item->row + (int)(r + i), LANE(result.lse, i));
    write_rows(f, r, result.factor * vf_splat(f->valueScale), rows, (u32)p->valueHeadSize);
  }
}

static void write_partial(const AttnParams *p, const AttnItem *item, const Prefill *f, float *state) {
  u32 size = (u32)p->valueHeadSize, count = (u32)item->rows;
  for (u32 r = 0; r < count; r += LANES) {
    float *rows[LANES];
    for (u32 i = 0; i < LANES; i++) rows[i] = r + i < count ? state + (r + i) * size : 0;
    write_rows(f, r, vf_splat(1.0f), rows, size);
  }
  for (u32 r = 0; r < count; r++) {
    state[count * size + r] = f->m[r];
    state[count * (size + 1) + r] = f->l[r];
  }
}

SHARED void prefill_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, float *partials, void *scratch) {
  Arena arena = {(address)scratch};
  Prefill f = prefill_layout(p, &arena);
  Sequence s = sequence_at(p, o, item->sequence);
  KvSide keys = kv_keys(p, o, item->sequence, item->kvHead), values = kv_values(p, o, item->sequence, item->kvHead);
  MaskRange range = rows_range(p, &s, item->row, item->rows);
  u32 panels = ((u32)item->rows + PANEL - 1) / PANEL;
  f.keyScale = score_scale(p, o, item->kvHead);
  f.valueScale = row_value_scale(p, o, &s, item, item->row);
  for (u32 d = 0; d < f.tile.stride; d++) f.tile.zeros[d] = 0.0f;
  rows_fill(p, o, item, &s, &f.table, panels * PANEL);
  load_queries(p, o, &s, item, &f, panels);
  start_states(&f, panels);
  MaskBounds first = rows_bounds(&f.table, 0), last = rows_bounds(&f.table, (u32)item->rows - 1);
  for (int done = item->begin, count; done < item->end; done += count) {
    int key = mask_key(range, done);
    count = mask_min(item->end - done, PREFILL_KEYS);
    if (key < range.gap) count = mask_min(count, range.gap - key);
    load_keys(p, &keys, &f, (u32)key, (u32)count);
    int careful = !mask_covers(p, first, last, key, key + count) || score_hides(p);
    u32 bad = load_values(p, &values, &f, (u32)key, (u32)count, careful);
    plan_ahead(p, o, &s, item, &f.ahead, &keys, &values, range, done + count);
    f.ahead.turn = f.ahead.end / (panels * ((u32)count / TILE_SPLATS + 1)) + 1;
    for (u32 panel = 0; panel < panels; panel++) panel_tile(p, o, &s, item, &f, panel, key, count, bad);
  }
  settle_states(&f, panels);
  if (item->splits > 1) write_partial(p, item, &f, partials + item->partial);
  else write_outputs(p, o, &s, item, &f);
}
