// Which weights training drops: a hash of a weight's place decides, so that every pass finds the same answer.
#ifndef TFJS_ATTENTION_DROPOUT_H
#define TFJS_ATTENTION_DROPOUT_H

/** Shares are counted in units of 1 / DROPOUT_UNITS. */
#define DROPOUT_UNITS (1 << 24)

#if LANES == 1
typedef u32 vu;
#else
typedef u32 vu __attribute__((vector_size(4 * LANES)));
#endif

HOOK vu dropout_mix(vu x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

/** What the weights of a query row are dropped by. */
HOOK u32 dropout_row(const AttnParams *p, const AttnOperands *o, int sequence, int head, int token) {
  u32 row = ((u32)sequence * (u32)p->numHeads + (u32)head) * (u32)p->maxQueryLen + (u32)token;
  vu mixed = dropout_mix((vu)vi_splat((int)(row + 1)));
  return (u32)LANE(dropout_mix(mixed ^ (u32)o->dropout[0]), 0);
}

/** 0 where the key is dropped, else 1 / (1 - rate). */
HOOK vf dropout_factor(vu rows, int share, vi key) {
  vi drawn = (vi)(dropout_mix(rows + (vu)key * 0x9e3779b9u) >> 8);
  float kept = (float)DROPOUT_UNITS / (float)(DROPOUT_UNITS - share);
  return vf_select(drawn < vi_splat(share), vf_splat(0.0f), vf_splat(kept));
}

#endif
