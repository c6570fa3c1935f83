// Which weights training drops: a hash of a weight's place decides, so that every pass finds the same answer.
#include "webgl/batch.glsl"

#ifdef FEATURE_DROPOUT
// Seed, share of the weights in units of 2^-24.
uniform ivec2 dropout;

uint dropout_mix(uint x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

// What the weights of a query row are dropped by.
uint dropout_row(Sequence sequence, Row row) {
  uint place = uint((sequence.index * p_numHeads + row.head) * p_maxQueryLen + row.query);
  return dropout_mix(dropout_mix(place + 1u) ^ uint(dropout.x));
}

// 0 where the key is dropped, else 1 / (1 - rate).
float dropout_factor(uint dropped, int key) {
  int drawn = int(dropout_mix(dropped + uint(key) * 0x9e3779b9u) >> 8);
  return drawn < dropout.y ? 0.0 : 16777216.0 / float(16777216 - dropout.y);
}
#endif
