// The batch as one array of integers: a record a sequence, a record a group of rows, work items, groups to be merged,
// block tables, mask ranges.
#bind read ints: array<i32>

struct Sequence {
  index: i32,
  // First packed query token, query tokens, keys, position of the first query.
  start: i32,
  length: i32,
  keys: i32,
  offset: i32,
  causal: bool,
  prefix: i32,
  // Mask ranges of this sequence: [rangesBegin, rangesEnd) pairs.
  rangesBegin: i32,
  rangesEnd: i32,
}

fn batch_sequence(index: i32) -> Sequence {
  let at = index * 8;
  return Sequence(index, ints[at], ints[at + 1], ints[at + 2], ints[at + 3], ints[at + 4] != 0, ints[at + 5],
    ints[at + 6], ints[at + 7]);
}

// ROWS neighbouring (query token, head of the KV head's group) pairs of one sequence, and the tiles of keys that some of
// them see: [first, gap) and [resume, end), of which only `end` may lie inside a tile.
struct Group {
  sequence: i32,
  row: i32,
  first: i32,
  gap: i32,
  resume: i32,
  end: i32,
  // Where the states of its items lie: slots [slot, slot + slots).
  slot: i32,
  slots: i32,
}

fn batch_group(index: i32) -> Group {
  let at = p.groupsAt + index * 8;
  return Group(ints[at], ints[at + 1], ints[at + 2], ints[at + 3], ints[at + 4], ints[at + 5], ints[at + 6],
    ints[at + 7]);
}

// A stretch [begin, end) of a group's keys, counted without the gap. Its state goes to `slot`; below 0 it is the group's
// only item and writes the output itself.
struct Item {
  group: i32,
  begin: i32,
  end: i32,
  slot: i32,
}

fn batch_item(index: i32) -> Item {
  let at = p.itemsAt + index * 4;
  return Item(ints[at], ints[at + 1], ints[at + 2], ints[at + 3]);
}

// The key at place `ordinal` among the keys of a group.
fn batch_key(group: Group, ordinal: i32) -> i32 {
  let key = group.first + ordinal;
  return select(key - group.gap + group.resume, key, key < group.gap);
}

fn batch_block(sequence: Sequence, block: i32) -> i32 {
  return ints[p.tablesAt + sequence.index * p.maxBlocksPerSeq + block];
}

// One query row.
struct Row {
  valid: bool,
  // Head, packed token, number within its sequence, position.
  head: i32,
  token: i32,
  query: i32,
  position: i32,
  // The range of positions that sees itself in both directions, if it lies in one.
  rangeFirst: i32,
  rangeLast: i32,
}

fn batch_row(sequence: Sequence, kvHead: i32, row: i32) -> Row {
  let query = row / QUERIES_PER_KV;
  var r: Row;
  r.valid = query < sequence.length;
  r.head = kvHead * QUERIES_PER_KV + row - query * QUERIES_PER_KV;
  r.token = sequence.start + query;
  r.query = query;
  r.position = sequence.offset + query;
  r.rangeFirst = 0;
  r.rangeLast = -1;
#if FEATURE_MM_PREFIX
  for (var i = sequence.rangesBegin; i < sequence.rangesEnd; i++) {
    let low = ints[p.rangesAt + 2 * i];
    let high = ints[p.rangesAt + 2 * i + 1];
    if (low <= r.position && r.position <= high) {
      r.rangeFirst = low;
      r.rangeLast = high;
    }
  }
#end
  return r;
}
