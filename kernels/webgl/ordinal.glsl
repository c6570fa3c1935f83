// The place of a key among the keys of a group, or -1 where no row of it sees its tile.
#include "webgl/batch.glsl"

int batch_ordinal(Group group, int key) {
  if (group.first <= key && key < group.gap) return key - group.first;
  return group.resume <= key && key < group.end ? key - group.resume + group.gap - group.first : -1;
}
