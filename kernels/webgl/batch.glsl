// The batch as one integer texture: a record a sequence, a record a group of rows, block tables, sequence of each token.
#include "webgl/texels.glsl"

uniform isampler2DArray ints;
// First texel of: groups, block tables, tokens, mask ranges.
uniform ivec4 intsAt;

struct Sequence {
  int index;
  // First packed query token, query tokens, keys, position of the first query.
  int start, length, keys, offset;
  int firstGroup;
  bool causal;
  int prefix;
  // What its first tile of KEYS keys is called among the packed tiles.
  int firstTile;
  // Mask ranges of this sequence: [rangesBegin, rangesEnd) pairs.
  int rangesBegin, rangesEnd;
};

Sequence batch_sequence(int index) {
  ivec4 a = FETCH(ints, index * 3), b = FETCH(ints, index * 3 + 1), c = FETCH(ints, index * 3 + 2);
  return Sequence(index, a.x, a.y, a.z, a.w, b.x, b.y != 0, b.z, b.w, c.x, c.y);
}

// ROWS neighbouring (query token, head of the KV head's group) pairs of one sequence, and the tiles of keys that some of
// them see: [first, gap) and [resume, end), of which only `end` may lie inside a tile.
struct Group {
  int sequence, row;
  int first, gap, resume, end;
};

Group batch_group(int index) {
  ivec4 a = FETCH(ints, intsAt.x + index * 2), b = FETCH(ints, intsAt.x + index * 2 + 1);
  return Group(a.x, a.y, a.z, a.w, b.x, b.y);
}

int batch_keys(Group group) { return group.gap - group.first + group.end - group.resume; }

// The key at place `ordinal` among the keys of a group.
int batch_key(Group group, int ordinal) {
  int key = group.first + ordinal;
  return key < group.gap ? key : key - group.gap + group.resume;
}

int batch_int(int first, int i) { return FETCH(ints, first + (i >> 2))[i & 3]; }

int batch_block(Sequence sequence, int block) {
  return batch_int(intsAt.y, sequence.index * p_maxBlocksPerSeq + block);
}

// One query row.
struct Row {
  bool valid;
  // Head, packed token, number within its sequence, position.
  int head, token, query, position;
  // The range of positions that sees itself in both directions, if it lies in one.
  int rangeFirst, rangeLast;
};

Row batch_row(Sequence sequence, int kvHead, int row) {
  int query = row / QUERIES_PER_KV;
  Row r;
  r.valid = query < sequence.length;
  r.head = kvHead * QUERIES_PER_KV + row - query * QUERIES_PER_KV;
  r.token = sequence.start + query;
  r.query = query;
  r.position = sequence.offset + query;
  r.rangeFirst = 0;
  r.rangeLast = -1;
#ifdef FEATURE_MM_PREFIX
  for (int i = sequence.rangesBegin; i < sequence.rangesEnd; i++) {
    int low = batch_int(intsAt.w, 2 * i), high = batch_int(intsAt.w, 2 * i + 1);
    if (low <= r.position && r.position <= high) {
      r.rangeFirst = low;
      r.rangeLast = high;
    }
  }
#endif
  return r;
}
