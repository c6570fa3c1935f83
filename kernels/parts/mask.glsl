// Which keys a query position may see. The first and last visible key of a group of rows come with the batch.
#include "webgl/batch.glsl"

#ifdef FEATURE_MASK
uniform sampler2D mask;
uniform ivec2 maskView;
#endif

int mask_chunk(int position) {
  int chunk = position / p_chunkSize;
  return chunk * p_chunkSize > position ? chunk - 1 : chunk;
}

bool mask_in_band(Sequence sequence, Row row, int key) {
  bool seen = true;
#ifdef FEATURE_CAUSAL
  seen = seen && (key <= row.position || !sequence.causal);
#endif
#ifdef FEATURE_WINDOW
  bool inWindow = (p_windowLeft < 0 || row.position - key <= p_windowLeft) &&
      (p_windowRight < 0 || key - row.position <= p_windowRight);
  seen = seen && (inWindow || key < sequence.prefix);
#endif
#ifdef FEATURE_CHUNK
  int chunks = mask_chunk(row.position) - mask_chunk(key);
  seen = seen && chunks >= 0 && chunks <= p_chunkLookback;
#endif
  return seen;
}

bool mask_visible(Sequence sequence, Row row, int key) {
  bool seen = mask_in_band(sequence, row, key);
#ifdef FEATURE_MM_PREFIX
  seen = seen || (row.rangeFirst <= key && key <= row.rangeLast);
#endif
#ifdef FEATURE_MASK
  int at = sequence.index * p_maskStrideBatch + row.head * p_maskStrideHead + row.token * p_maskStrideToken;
  seen = seen && tensor_value(mask, maskView, at + key * p_maskStrideKey) != 0.0;
#endif
  return seen && row.valid;
}
