// Few query rows against many keys: reads K and V once, in the order of memory. Queries and outputs of a head's rows are
// interleaved by vectors ([step of LANES lanes][row][LANES]), so that one pointer serves them all. A tile of keys is read
// as LANES streams: group j takes keys j, j + groups, j + 2 groups, ..., in different memory pages, because several
// streams together reach a higher bandwidth than one.
#include "kv_rows.h"

_Static_assert(DECODE_KEYS % LANES == 0 && DECODE_KEYS <= 64, "a tile is whole vectors, and one bit a key");

typedef struct {
  float *q, *out;
  float *m, *l;
  /** [row][group][LANES] scores, then weights. */
  float *s;
  /** [row] bit group * LANES + lane: the row sees that key of the tile. */
  unsigned long long *seen;
  /** A group of LANES rows: decoded, and their weights [row][LANES]. */
  float *decoded, *weights, *zeros;
  const unsigned char **stored;
  const float **tokenScales;
  RowTable table;
  /** Rows and padded lanes of a head. */
  u32 rows, heads, stride;
} Decode;

static Decode decode_layout(const AttnParams *p, Arena *arena) {
  u32 size = (u32)mask_max(p->headSize, p->valueHeadSize);
  Decode f;
  f.rows = f.heads = 0;
  f.stride = (size + LANES - 1) / LANES * LANES;
  f.q = arena_floats(arena, DECODE_ROWS * f.stride);
  f.out = arena_floats(arena, DECODE_ROWS * f.stride);
  f.m = arena_floats(arena, DECODE_ROWS);
  f.l = arena_floats(arena, DECODE_ROWS);
  f.s = arena_floats(arena, DECODE_ROWS * DECODE_KEYS);
  f.seen = arena_take(arena, DECODE_ROWS * sizeof(*f.seen));
  f.decoded = arena_floats(arena, LANES * f.stride);
  f.weights = arena_floats(arena, DECODE_HEAD_ROWS * LANES);
  f.zeros = arena_floats(arena, f.stride);
  f.stored = arena_take(arena, (DECODE_KEYS + LANES) * sizeof(*f.stored));
  f.tokenScales = arena_take(arena, (DECODE_KEYS + LANES) * sizeof(*f.tokenScales));
  f.table = rows_layout(arena, DECODE_ROWS);
  return f;
}

u32 decode_scratch(const AttnParams *p) {
  Arena arena = {0};
  decode_layout(p, &arena);
  return (u32)arena.next;
}

/** Where lane d of row r lies in q or out. */
HOOK u32 lane_offset(const Decode *f, u32 r, u32 d) {
  u32 head = r / f->rows, row = r % f->rows;
  return head * f->rows * f->stride + (d / LANES * f->rows + row) * LANES + d % LANES;
}

static void start(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                  const Decode *f) {
  for (u32 i = 0; i < (u32)item->rows * f->stride; i++) f->q[i] = f->out[i] = 0.0f;
  for (u32 d = 0; d < f->stride; d++) f->zeros[d] = 0.0f;
  for (u32 r = 0; r < (u32)item->rows; r++) {
    const float *q = row_query(p, o, s, item, (int)r);
    for (u32 d = 0; d < (u32)p->headSize; d++) f->q[lane_offset(f, r, d)] = q[d];
    f->m[r] = SOFTMAX_NONE;
    f->l[r] = 0.0f;
  }
}

HOOK u32 tile_groups(u32 count) { return (count + LANES - 1) / LANES; }

/** Float32 rows and scales of group j of the tile in one head; past `count`, zeros. */
static void load_group(const AttnParams *p, const Decode *f, const KvSide *side, u32 head, u32 j, u32 count,
                       const float *rows[LANES], float scales[LANES]) {
  const unsigned char *stored[LANES];
  u32 used = 0;
  address offset = head * side->strideHead * side->width;
  for (u32 at = j; at < count; at += tile_groups(count), used++) {
    stored[used] = f->stored[at] + offset;
    rows[used] = p->kvDtype == KV_FLOAT32 ? (const float *)stored[used] : f->decoded + used * f->stride;
    scales[used] = side->tokenScales ? f->tokenScales[at][head] : 1.0f;
  }
  for (u32 i = used; i < LANES; i++) {
    rows[i] = f->zeros;
    scales[i] = 0.0f;
  }
  if (p->kvDtype != KV_FLOAT32) decode_rows(p->kvDtype, stored, used, f->decoded, f->stride, side->size);
}

/** Products of LANES keys with `rows` (1 or 2) of a head's `all` queries, one lane per key. */
HOOK void dot_keys(u32 rows, u32 all, const float *const keys[LANES], const float *q, u32 size, vf scale, float *s) {
  vf sum[2][LANES];
  const float *key[LANES];
  UNROLL for (u32 i = 0; i < LANES; i++) {
    key[i] = keys[i];
    for (u32 r = 0; r < rows; r++) sum[r][i] = vf_splat(0.0f);
  }
  u32 d = 0;
  for (; d + LANES <= size; d += LANES, q += all * LANES) {
    vf query[2];
    for (u32 r = 0; r < rows; r++) query[r] = vf_load(q + r * LANES);
    UNROLL for (u32 i = 0; i < LANES; i++) {
      vf lanes = vf_load(key[i] + d);
      for (u32 r = 0; r < rows; r++) sum[r][i] = vf_madd(lanes, query[r], sum[r][i]);
    }
  }
  for (u32 i = 0; d < size && i < LANES; i++) {
    vf lanes = vf_load_part(keys[i] + d, size - d);
    for (u32 r = 0; r < rows; r++) sum[r][i] = vf_madd(lanes, vf_load(q + r * LANES), sum[r][i]);
  }
  for (u32 r = 0; r < rows; r++) {
    vf_transpose(sum[r]);
    vf total = sum[r][0];
    UNROLL for (u32 i = 1; i < LANES; i++) total = total + sum[r][i];
    vf_store(s + r * DECODE_KEYS, total * scale);
  }
}

HOT void score_group(const Decode *f, u32 head, const float *const keys[LANES], u32 size, vf scale, u32 j) {
  const float *q = f->q + head * f->rows * f->stride;
  float *s = f->s + head * f->rows * DECODE_KEYS + j * LANES;
  u32 r = 0;
  for (; r + 2 <= f->rows; r += 2) dot_keys(2, f->rows, keys, q + r * LANES, size, scale, s + r * DECODE_KEYS);
  if (r < f->rows) dot_keys(1, f->rows, keys, q + r * LANES, size, scale, s + r * DECODE_KEYS);
}

static void score_tile(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Decode *f,
                       const KvSide *keys, u32 first, u32 count) {
  kv_locate(keys, first, count, f->stored, f->tokenScales);
  for (u32 j = 0; j < tile_groups(count); j++) {
    for (u32 head = 0; head < f->heads; head++) {
      const float *rows[LANES];
      float scales[LANES];
      load_group(p, f, keys, head, j, count, rows, scales);
      vf scale = vf_load(scales) * vf_splat(score_scale(p, o, item->kvHead + (int)head));
      score_group(f, head, rows, keys->size, scale, j);
    }
  }
}

/** Features and masks on a row's scores of keys [key, key + count); the rest of the last vector becomes invisible. */
static void finish_scores(const AttnParams *p, const Decode *f, u32 r, int key, u32 count, int covered) {
  int features = score_features(p), masked = p->flags & FEATURE_MASK;
  if (covered && !features && !masked && count % LANES == 0) return;
  RowLanes row = rows_splat(&f->table, r);
  vi last = vi_splat(key + (int)count - 1);
  for (u32 j = 0; j < tile_groups(count); j++) {
    float *at = f->s + r * DECODE_KEYS + j * LANES;
    vi place = vi_iota(0) * vi_splat((int)tile_groups(count)) + vi_splat(key + (int)j), inside = place <= last;
    vi keys = vi_select(inside, place, last);
    vf s = vf_load(at);
    if (features) s = score_apply(p, &row, s, keys);
    if (!covered) s = vf_select(mask_visible(p, &row, keys), s, vf_splat(SOFTMAX_NONE));
    if (masked) s = vf_select(mask_allowed(p, &row, keys), s, vf_splat(SOFTMAX_NONE));
    vf_store(at, vf_select(inside, s, vf_splat(SOFTMAX_NONE)));
  }
}

static void note_seen(const Decode *f, u32 r, u32 count) {
  unsigned long long seen = 0;
  for (u32 j = 0; j < tile_groups(count) * LANES; j++) seen |= (unsigned long long)(f->s[r * DECODE_KEYS + j] != SOFTMAX_NONE) << j;
  f->seen[r] = seen;
}

/** Scores to weights; raises the row's maximum and rescales where it rose. */
HOT void update_state(const Decode *f, u32 r, u32 groups) {
  u32 count = groups * LANES;
  float *s = f->s + r * DECODE_KEYS;
  vf most = vf_splat(f->m[r]), before = most;
  for (u32 j = 0; j < count; j += LANES) most = vf_max(most, vf_load(s + j));
  most = vf_splat(vf_max_lane(most));
  vf shift = softmax_shift(most), sum = vf_splat(0.0f);
  if (vi_any(most > before)) {
    vf scale = softmax_rescale(before, shift);
    float *out = f->out + lane_offset(f, r, 0), *stop = out + f->rows * f->stride;
    for (; out != stop; out += f->rows * LANES) vf_store(out, vf_load(out) * scale);
    f->m[r] = LANE(most, 0);
    f->l[r] *= LANE(scale, 0);
  }
  for (u32 j = 0; j < count; j += LANES) {
    vf weight = softmax_weight(vf_load(s + j), shift);
    sum = sum + weight;
    vf_store(s + j, weight);
  }
  f->l[r] += vf_sum(sum);
}

/** Adds LANES weighted value rows to `rows` (1 or 2) of a head's `all` outputs. */
HOOK void add_values(u32 rows, u32 all, const float *const values[LANES], const float *weights, float *out, u32 size) {
  vf weight[2][LANES];
  const float *row[LANES];
  UNROLL for (u32 i = 0; i < LANES; i++) {
    row[i] = values[i];
    for (u32 r = 0; r < rows; r++) weight[r][i] = vf_splat(weights[r * LANES + i]);
  }
  u32 d = 0;
  for (; d + LANES <= size; d += LANES, out += all * LANES) {
    vf value[LANES];
    UNROLL for (u32 i = 0; i < LANES; i++) value[i] = vf_load(row[i] + d);
    for (u32 r = 0; r < rows; r++) {
      vf sum = vf_load(out + r * LANES);
      UNROLL for (u32 i = 0; i < LANES; i++) sum = vf_madd(weight[r][i], value[i], sum);
      vf_store(out + r * LANES, sum);
    }
  }
  for (u32 i = 0; d < size && i < LANES; i++) {
    vf value = vf_load_part(values[i] + d, size - d);
    for (u32 r = 0; r < rows; r++) vf_store(out + r * LANES, vf_madd(weight[r][i], value, vf_load(out + r * LANES)));
  }
}

HOT void weigh_group(const Decode *f, u32 head, const float *const values[LANES], u32 size, vf scale, u32 j) {
  const float *s = f->s + head * f->rows * DECODE_KEYS + j * LANES;
  float *out = f->out + head * f->rows * f->stride;
  u32 r = 0;
  for (; r < f->rows; r++) vf_store(f->weights + r * LANES, vf_load(s + r * DECODE_KEYS) * scale);
  for (r = 0; r + 2 <= f->rows; r += 2) {
    add_values(2, f->rows, values, f->weights + r * LANES, out + r * LANES, size);
  }
  if (r < f->rows) add_values(1, f->rows, values, f->weights + r * LANES, out + r * LANES, size);
}

/** Values that are not finite reach only the rows that see their key; zeros take their place in the group. */
static void add_bad(const Decode *f, u32 head, u32 j, u32 size, const float *rows[LANES], float scales[LANES]) {
  for (u32 i = 0; i < LANES; i++) {
    if (all_finite(rows[i], size, scales[i])) continue;
    for (u32 r = head * f->rows; r < (head + 1) * f->rows; r++) {
      if (!(f->seen[r] >> (j * LANES + i) & 1)) continue;
      float weight = f->s[r * DECODE_KEYS + j * LANES + i] * scales[i];
      for (u32 d = 0; d < size; d++) f->out[lane_offset(f, r, d)] += weight * rows[i][d];
    }
    rows[i] = f->zeros;
    scales[i] = 0.0f;
  }
}

static void weigh_tile(const AttnParams *p, const Decode *f, const KvSide *values, u32 first, u32 count, int careful) {
  kv_locate(values, first, count, f->stored, f->tokenScales);
  for (u32 j = 0; j < tile_groups(count); j++) {
    for (u32 head = 0; head < f->heads; head++) {
      const float *rows[LANES];
      float scales[LANES];
      load_group(p, f, values, head, j, count, rows, scales);
      if (careful) add_bad(f, head, j, values->size, rows, scales);
      weigh_group(f, head, rows, values->size, vf_load(scales), j);
    }
  }
}

static void decode_tile(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Decode *f,
                        const KvSide *keys, const KvSide *values, int key, u32 count) {
  MaskBounds first = rows_bounds(&f->table, 0), last = rows_bounds(&f->table, f->rows - 1);
  int covered = mask_covers(p, first, last, key, key + (int)count);
  int careful = !covered || p->flags & (FEATURE_MASK | FEATURE_BIAS | FEATURE_QQ_BIAS);
  score_tile(p, o, item, f, keys, (u32)key, count);
  for (u32 r = 0; r < (u32)item->rows; r++) {
    finish_scores(p, f, r, key, count, covered);
    if (careful) note_seen(f, r, count);
    update_state(f, r, tile_groups(count));
  }
  weigh_tile(p, f, values, (u32)key, count, careful);
}

static void write_state(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                        const Decode *f, float *state) {
  u32 size = (u32)p->valueHeadSize, rows = (u32)item->rows;
  for (u32 r = 0; r < rows; r++) {
    float *to = state + r * size, factor = 1.0f;
    if (item->splits > 1) {
      state[rows * size + r] = f->m[r];
      state[rows * (size + 1) + r] = f->l[r];
    } else {
      vf sink = vf_splat(row_sink(p, o, s, item, (int)r));
      SoftmaxResult result = softmax_finish(vf_splat(f->m[r]), vf_splat(f->l[r]), sink);
      factor = LANE(result.factor, 0) * row_value_scale(p, o, s, item, (int)r);
      row_write_lse(p, o, s, item, (int)r, LANE(result.lse, 0));
      to = row_out(p, o, s, item, (int)r);
    }
    for (u32 d = 0; d < size; d++) to[d] = f->out[lane_offset(f, r, d)] * factor;
  }
}

void decode_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, float *partials, void *scratch) {
  Arena arena = {(address)scratch};
  Decode f = decode_layout(p, &arena);
  Sequence s = sequence_at(p, o, item->sequence);
  KvSide keys = kv_keys(p, o, item->sequence, item->kvHead), values = kv_values(p, o, item->sequence, item->kvHead);
  MaskRange range = rows_range(p, &s, 0, s.rows);
  f.rows = (u32)s.rows;
  f.heads = (u32)(item->rows / s.rows);
  rows_fill(p, o, item, &s, &f.table, (u32)item->rows);
  start(p, o, &s, item, &f);
  for (int done = item->begin, count; done < item->end; done += count) {
    int key = mask_key(range, done);
    count = mask_min(item->end - done, DECODE_KEYS);
    if (key < range.gap) count = mask_min(count, range.gap - key);
    decode_tile(p, o, item, &f, &keys, &values, key, (u32)count);
  }
  write_state(p, o, &s, item, &f, partials + item->partial);
}
