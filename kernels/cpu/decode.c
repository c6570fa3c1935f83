// Few query rows against many keys: reads K and V once. Queries and outputs of a head's rows are interleaved by vectors
// ([step of LANES lanes][row][LANES]), so that one pointer serves them all. A tile of keys is read as LANES streams:
// group j takes keys j, j + groups, j + 2 groups, ..., in different memory pages, because several streams reach
// a higher bandwidth than one.
#include "kv_rows.h"

_Static_assert(DECODE_KEYS % LANES == 0 && DECODE_KEYS <= 64, "a tile is whole vectors, and one bit a key");

/** The types that the loops read in place of float16 and int8. */
#define LOOP_FLOAT16 (HARDWARE_FLOAT16 ? KV_FLOAT16 : KV_FINITE_FLOAT16)
#define LOOP_INT8 (HARDWARE_INT8 ? KV_INT8 : KV_TOP_INT8)

typedef struct {
  float *q, *out;
  float *m, *l;
  /** [row][group][LANES] scores, then weights. */
  float *s;
  /** [row] bit group * LANES + lane: the row sees that key of the tile. */
  unsigned long long *seen;
  /** A group of LANES rows: decoded (one more to look at), and their weights [row][LANES]. */
  float *decoded, *weights, *zeros;
  const unsigned char **stored;
  const float **tokenScales;
  RowTable table;
  /** Rows and padded lanes of a head. */
  u32 rows, heads, stride;
  /** What a stored 1 is in the loops, inverted: it joins q, and the scale of values. */
  float unit;
} Decode;

static Decode decode_layout(const AttnParams *p, Arena *arena) {
  u32 size = (u32)mask_max(p->headSize, p->valueHeadSize);
  Decode f;
  f.rows = f.heads = 0;
  f.unit = 1.0f;
  if (LOOP_INT8 == KV_TOP_INT8 && (p->kvDtype == KV_INT8 || p->kvDtype == KV_INT8_PER_TOKEN_HEAD)) f.unit = KV_TOP_UNIT;
  f.stride = (size + LANES - 1) / LANES * LANES;
  f.q = arena_floats(arena, DECODE_ROWS * f.stride);
  f.out = arena_floats(arena, DECODE_ROWS * f.stride);
  f.m = arena_floats(arena, DECODE_ROWS);
  f.l = arena_floats(arena, DECODE_ROWS);
  f.s = arena_floats(arena, DECODE_ROWS * DECODE_KEYS);
  f.seen = arena_take(arena, DECODE_ROWS * sizeof(*f.seen));
  f.decoded = arena_floats(arena, (LANES + 1) * f.stride);
  f.weights = arena_floats(arena, DECODE_HEAD_ROWS * LANES);
  f.zeros = arena_floats(arena, f.stride);
  f.stored = arena_take(arena, (DECODE_KEYS + LANES) * sizeof(*f.stored));
  f.tokenScales = arena_take(arena, (DECODE_KEYS + LANES) * sizeof(*f.tokenScales));
  f.table = rows_layout(arena, DECODE_ROWS);
  return f;
}

SHARED address decode_scratch(const AttnParams *p) {
  Arena arena = {0};
  decode_layout(p, &arena);
  return arena.next;
}

/** Where row r starts in q or out; its steps of LANES lanes are `f->rows * LANES` floats apart. */
HOOK u32 row_start(const Decode *f, u32 r) {
  return r / f->rows * f->rows * f->stride + r % f->rows * LANES;
}

/** Adds x[0 .. size) * factor to an interleaved row. */
static void add_row(const Decode *f, float *row, const float *x, u32 size, float factor) {
  for (u32 d = 0; d < size; d += LANES, row += f->rows * LANES) {
    vf lanes = size - d < LANES ? vf_load_part(x + d, size - d) : vf_load(x + d);
    vf_store(row, vf_madd(lanes, vf_splat(factor), vf_load(row)));
  }
}

static void start(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                  const Decode *f) {
  for (u32 i = 0; i < (u32)item->rows * f->stride; i += LANES) {
    vf_store(f->q + i, vf_splat(0.0f));
    vf_store(f->out + i, vf_splat(0.0f));
  }
  for (u32 d = 0; d < f->stride; d++) f->zeros[d] = 0.0f;
  for (u32 r = 0; r < (u32)item->rows; r++) {
    const float *q = row_query(p, o, s, item, (int)r);
    add_row(f, f->q + row_start(f, r), q, (u32)p->headSize, f->unit);
    f->m[r] = SOFTMAX_NONE;
    f->l[r] = 0.0f;
  }
}

HOOK u32 tile_groups(u32 count) { return (count + LANES - 1) / LANES; }

/** One group of LANES keys or values of a head: rows of `dtype`, which the loops decode in registers, and scales. */
typedef struct {
  const unsigned char *rows[LANES];
  float scales[LANES];
  int dtype;
} Group;


/** The type that the loops read: those that are cheap to decode as they are, the others as float32 from scratch. */
static int group_dtype(int dtype, const unsigned char *const *rows, u32 count, u32 size) {
  switch (dtype) {
    case KV_BFLOAT16:
      return KV_BFLOAT16;
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      return LOOP_INT8;
    case KV_FLOAT16:
      return HARDWARE_FLOAT16 || finite_float16(rows, count, size) ? LOOP_FLOAT16 : KV_FLOAT32;
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
      return HARDWARE_FLOAT16 ? KV_FP8_E4M3 : KV_FLOAT32;
    case KV_FP8_E5M2:
      return HARDWARE_FLOAT16 ? KV_FP8_E5M2 : KV_FLOAT32;
    default:
      return KV_FLOAT32;
  }
}

/** Group j of the tile of `count` keys; past the last key, zeros. */
static void load_group(const AttnParams *p, const Decode *f, const KvSide *side, u32 head, u32 j, u32 count,
                       Group *g) {
  u32 used = 0;
  const float *scales[LANES];
  address offset = head * side->strideHead * side->width;
  for (u32 at = j; at < count; at += tile_groups(count), used++) {
    g->rows[used] = f->stored[at] + offset;
    scales[used] = side->tokenScales ? f->tokenScales[at] + head : 0;
    g->scales[used] = scales[used] ? kv_token_scale(p->kvDtype, *scales[used]) : 1.0f;
  }
  g->dtype = group_dtype(p->kvDtype, g->rows, used, side->size);
  if (g->dtype == KV_FLOAT32 && p->kvDtype != KV_FLOAT32) {
    decode_rows(p->kvDtype, g->rows, scales, used, f->decoded, f->stride, side->size);
    for (u32 i = 0; i < used; i++) g->rows[i] = (const unsigned char *)(f->decoded + i * f->stride);
  }
  for (; used < LANES; used++) {
    g->rows[used] = (const unsigned char *)f->zeros;
    g->scales[used] = 0.0f;
  }
}

/**
 * Expands a loop over a head's rows once per type of a group. float32 is limited by memory, the others by decoding, which
 * the rows of a turn share: each has its own number of rows and keys a turn, as registers allow.
 */
#define EACH_DTYPE(dtype, LOOP)                               \
  switch (dtype) {                                            \
    case LOOP_INT8:                                           \
      LOOP(LOOP_INT8, NARROW_ROWS, NARROW_KEYS) break;        \
    case KV_BFLOAT16:                                         \
      LOOP(KV_BFLOAT16, NARROW_ROWS, NARROW_KEYS) break;      \
    case LOOP_FLOAT16:                                        \
      LOOP(LOOP_FLOAT16, NARROW_ROWS, NARROW_KEYS) break;     \
      EACH_FP8(LOOP)                                          \
    default:                                                  \
      LOOP(KV_FLOAT32, WIDE_ROWS, WIDE_KEYS)                  \
  }
#if HARDWARE_FLOAT16
#define EACH_FP8(LOOP)                                        \
    case KV_FP8_E4M3:                                         \
      LOOP(KV_FP8_E4M3, NARROW_ROWS, NARROW_KEYS) break;      \
    case KV_FP8_E5M2:                                         \
      LOOP(KV_FP8_E5M2, NARROW_ROWS, NARROW_KEYS) break;
#else
#define EACH_FP8(LOOP)
#endif

/** Products of LANES keys, `step` at a time, with `rows` of a head's `all` queries. */
HOOK void dot_keys(int dtype, u32 rows, u32 step, u32 all, const Group *g, const float *q, u32 size, vf scale,
                   float *s) {
  vf sum[4][LANES];
  UNROLL for (u32 first = 0; first < LANES; first += step) {
    const unsigned char *key[LANES];
    const float *query = q;
    u32 d = 0;
    UNROLL for (u32 i = 0; i < step; i++) {
      key[i] = g->rows[first + i];
      UNROLL for (u32 r = 0; r < rows; r++) sum[r][first + i] = vf_splat(0.0f);
    }
    for (; d + LANES <= size; d += LANES, query += all * LANES) {
      vf lanes[4];
      UNROLL for (u32 r = 0; r < rows; r++) lanes[r] = vf_load(query + r * LANES);
      UNROLL for (u32 i = 0; i < step; i++) {
        vf stored = kv_load(dtype, key[i], d);
        UNROLL for (u32 r = 0; r < rows; r++) sum[r][first + i] = vf_madd(stored, lanes[r], sum[r][first + i]);
      }
    }
    if (d == size) continue;
    UNROLL for (u32 i = 0; i < step; i++) {
      vf stored = kv_load_part(dtype, key[i], d, size - d);
      UNROLL for (u32 r = 0; r < rows; r++) {
        sum[r][first + i] = vf_madd(stored, vf_load(query + r * LANES), sum[r][first + i]);
      }
    }
  }
  UNROLL for (u32 r = 0; r < rows; r++) {
    vf_store(s + r * DECODE_KEYS, vf_sums(sum[r]) * scale);
  }
}

HOT void score_group(const Decode *f, u32 head, const Group *g, u32 size, vf scale, u32 j) {
  const float *q = f->q + head * f->rows * f->stride;
  float *s = f->s + head * f->rows * DECODE_KEYS + j * LANES;
  u32 all = f->rows, r = 0;
#define SCORE(DTYPE, MANY, STEP)                                                                  \
  for (; r + MANY <= all; r += MANY) {                                                            \
    dot_keys(DTYPE, MANY, STEP, all, g, q + r * LANES, size, scale, s + r * DECODE_KEYS);         \
  }                                                                                               \
  for (; r < all; r++) dot_keys(DTYPE, 1, LANES, all, g, q + r * LANES, size, scale, s + r * DECODE_KEYS);
  EACH_DTYPE(g->dtype, SCORE)
#undef SCORE
}

static void score_tile(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Decode *f,
                       const KvSide *keys, u32 first, u32 count) {
  kv_locate(keys, first, count, f->stored, f->tokenScales);
  for (u32 j = 0; j < tile_groups(count); j++) {
    for (u32 head = 0; head < f->heads; head++) {
      Group g;
      load_group(p, f, keys, head, j, count, &g);
      vf scale = vf_load(g.scales) * vf_splat(score_scale(p, o, item->kvHead + (int)head));
      score_group(f, head, &g, keys->size, scale, j);
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
  for (u32 j = 0; j < tile_groups(count) * LANES; j++) {
    seen |= (unsigned long long)(f->s[r * DECODE_KEYS + j] != SOFTMAX_NONE) << j;
  }
  f->seen[r] = seen;
}

/** Scores to weights; rescales the row where its m rises. */
HOT void update_state(const Decode *f, u32 r, u32 groups) {
  u32 count = groups * LANES;
  float *s = f->s + r * DECODE_KEYS;
  vf before = vf_splat(f->m[r]), most = before;
  for (u32 j = 0; j < count; j += LANES) most = vf_max(most, vf_load(s + j));
  vf now = softmax_raise(before, vf_splat(vf_max_lane(most)));
  vf shift = softmax_shift(now), sum = vf_splat(0.0f);
  if (vi_any(now > before)) {
    vf scale = softmax_rescale(before, shift);
    float *out = f->out + row_start(f, r), *stop = out + f->rows * f->stride;
    for (; out != stop; out += f->rows * LANES) vf_store(out, vf_load(out) * scale);
    f->m[r] = LANE(now, 0);
    f->l[r] *= LANE(scale, 0);
  }
  for (u32 j = 0; j < count; j += LANES) {
    vf weight = softmax_weight(vf_load(s + j), shift);
    sum = sum + weight;
    vf_store(s + j, weight);
  }
  f->l[r] += vf_sum(sum);
}

/** Adds LANES weighted value rows, `step` at a time, to `rows` of a head's `all` outputs. */
HOOK void add_values(int dtype, u32 rows, u32 step, u32 all, const Group *g, const float *weights, float *out,
                     u32 size) {
  UNROLL for (u32 first = 0; first < LANES; first += step) {
    const unsigned char *value[LANES];
    vf weight[4][LANES];
    float *to = out;
    u32 d = 0;
    UNROLL for (u32 i = 0; i < step; i++) {
      value[i] = g->rows[first + i];
      UNROLL for (u32 r = 0; r < rows; r++) weight[r][i] = vf_splat(weights[r * LANES + first + i]);
    }
    for (; d + LANES <= size; d += LANES, to += all * LANES) {
      vf lanes[LANES];
      UNROLL for (u32 i = 0; i < step; i++) lanes[i] = kv_load(dtype, value[i], d);
      UNROLL for (u32 r = 0; r < rows; r++) {
        vf sum = vf_load(to + r * LANES);
        UNROLL for (u32 i = 0; i < step; i++) sum = vf_madd(weight[r][i], lanes[i], sum);
        vf_store(to + r * LANES, sum);
      }
    }
    if (d == size) continue;
    UNROLL for (u32 i = 0; i < step; i++) {
      vf lanes = kv_load_part(dtype, value[i], d, size - d);
      UNROLL for (u32 r = 0; r < rows; r++) {
        vf_store(to + r * LANES, vf_madd(weight[r][i], lanes, vf_load(to + r * LANES)));
      }
    }
  }
}

HOT void weigh_group(const Decode *f, u32 head, const Group *g, u32 size, u32 j) {
  const float *s = f->s + head * f->rows * DECODE_KEYS + j * LANES, *w = f->weights;
  float *out = f->out + head * f->rows * f->stride;
  u32 all = f->rows, r = 0;
  vf scale = vf_load(g->scales) * vf_splat(f->unit);
  for (; r < all; r++) vf_store(f->weights + r * LANES, vf_load(s + r * DECODE_KEYS) * scale);
  r = 0;
#define WEIGH(DTYPE, MANY, STEP)                                                                  \
  for (; r + MANY <= all; r += MANY) {                                                            \
    add_values(DTYPE, MANY, STEP, all, g, w + r * LANES, out + r * LANES, size);                  \
  }                                                                                               \
  for (; r < all; r++) add_values(DTYPE, 1, LANES, all, g, w + r * LANES, out + r * LANES, size);
  EACH_DTYPE(g->dtype, WEIGH)
#undef WEIGH
}

/** Values that are not finite reach only the rows that see their key; zeros take their place in the group. */
static void add_bad_group(const Decode *f, u32 head, u32 j, u32 size, Group *g) {
  for (u32 i = 0; i < LANES; i++) {
    float *row = f->decoded + LANES * f->stride;
    decode_rows(g->dtype, g->rows + i, 0, 1, row, 0, size);
    if (all_finite(row, size, g->scales[i])) continue;
    for (u32 r = head * f->rows; r < (head + 1) * f->rows; r++) {
      if (!(f->seen[r] >> (j * LANES + i) & 1)) continue;
      add_row(f, f->out + row_start(f, r), row, size, f->s[r * DECODE_KEYS + j * LANES + i] * g->scales[i]);
    }
    g->rows[i] = (const unsigned char *)f->zeros;
    g->scales[i] = 0.0f;
  }
}

static void weigh_tile(const AttnParams *p, const Decode *f, const KvSide *values, u32 first, u32 count, int careful) {
  kv_locate(values, first, count, f->stored, f->tokenScales);
  for (u32 j = 0; j < tile_groups(count); j++) {
    for (u32 head = 0; head < f->heads; head++) {
      Group g;
      load_group(p, f, values, head, j, count, &g);
      if (careful) add_bad_group(f, head, j, values->size, &g);
      weigh_group(f, head, &g, values->size, j);
    }
  }
}

static void decode_tile(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Decode *f,
                        const KvSide *keys, const KvSide *values, int key, u32 count) {
  MaskBounds first = rows_bounds(&f->table, 0), last = rows_bounds(&f->table, f->rows - 1);
  int covered = mask_covers(p, first, last, key, key + (int)count);
  int careful = !covered || score_hides(p);
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
    const float *out = f->out + row_start(f, r);
    for (u32 d = 0; d < size; d += LANES, out += f->rows * LANES) {
      if (size - d >= LANES) vf_store(to + d, vf_load(out) * vf_splat(factor));
      else for (u32 i = 0; i < size - d; i++) to[d + i] = out[i] * factor;
    }
  }
}

SHARED void decode_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, float *partials, void *scratch) {
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
