// Which row and lane an element of an output over query rows belongs to.
#include "webgl/batch.glsl"

// First group, groups, splits, width of the output's texture.
uniform ivec4 tiles;
// Values of the output.
uniform int size;

struct Place {
  // Whether the groups at hand have the row.
  bool here;
  int kvHead, head, lane;
  // Line of the group and row within it.
  int y, row;
};

int output_index() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  return at.y * tiles.w + at.x;
}

Place output_place(int i, int lanes) {
  int rest = i / lanes, lane = i - rest * lanes;
#ifdef HEADS_FIRST
  int token = rest % p_maxQueryLen, line = rest / p_maxQueryLen;
  int head = line % p_numHeads;
  Sequence sequence = batch_sequence(line / p_numHeads);
#else
  int token = rest / p_numHeads, head = rest - token * p_numHeads;
#ifdef PAGED
  Sequence sequence = batch_sequence(batch_int(intsAt.z, token));
  token -= sequence.start;
#else
  Sequence sequence = batch_sequence(token / p_maxQueryLen);
  token -= sequence.index * p_maxQueryLen;
#endif
#endif
  int kvHead = head / QUERIES_PER_KV;
  int row = token * QUERIES_PER_KV + head - kvHead * QUERIES_PER_KV;
  int group = sequence.firstGroup + row / ROWS - tiles.x;
  bool here = group >= 0 && group < tiles.y;
  return Place(here, kvHead, head, lane, kvHead * tiles.y + group, row % ROWS);
}
