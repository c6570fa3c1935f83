#include "prefill_plan.h"

namespace {

constexpr int STAGE_KEYS = 64, REDO_TOKENS = 16;
/** What kernels without hooks read of the mask and score parts: bounds of a row, and nothing that changes a score. */
constexpr int BOUNDS = FEATURE_CAUSAL | FEATURE_WINDOW | FEATURE_CHUNK | FEATURE_SINKS | FEATURE_MIXED_CAUSAL;

int head_of(const AttnParams &p) {
  int size = p.headSize > p.valueHeadSize ? p.headSize : p.valueHeadSize;
  return size <= 64 ? 64 : size <= 128 ? 128 : size <= 256 ? 256 : 0;
}

int keys_of(int head, int units) { return units || head == 256 ? 64 : 128; }

/** Rows are copied in pieces of 16 bytes. */
bool even(int a, int b, int c) { return a % 8 == 0 && b % 8 == 0 && c % 8 == 0; }

/** Whether the kernel can read keys where they lie. The copy engine wants blocks and tiles to divide one another. */
bool reads_keys(const AttnParams &p, const PrefillPlan &h, int path) {
  if (p.kvDtype != (h.half ? KV_FLOAT16 : KV_BFLOAT16)) return false;
  if (!even(p.kStrideBatch, p.kStrideToken, p.kStrideHead) || !even(p.vStrideBatch, p.vStrideToken, p.vStrideHead)) {
    return false;
  }
  if (p.blockSize == 0 || path == CUDA_PATH_MMA) return true;
  int keys = keys_of(h.head, h.units);
  return p.blockSize % 8 == 0 && (keys % p.blockSize == 0 || p.blockSize % keys == 0);
}

size_t take(size_t *at, size_t bytes) {
  size_t start = (*at + 1023) / 1024 * 1024;
  *at = start + bytes;
  return start;
}

}  // namespace

bool prefill_plan(const AttnParams &p, const CudaOptions &o, int path, PrefillPlan *plan) {
  if (p.valueHeadSize % 8 != 0 || !even(p.outStrideBatch, p.outStrideToken, p.outStrideHead)) return false;
  PrefillPlan h = {};
  h.head = head_of(p);
  h.units = o.precision == CUDA_FLOAT32 || o.precision == CUDA_TENSORFLOAT32;
  // On mma.sync TensorFloat-32 is served by float32's kernel.
  h.parts = o.precision == CUDA_FLOAT32 || (h.units && path == CUDA_PATH_MMA) ? 2 : 1;
  h.half = o.precision != CUDA_BFLOAT16;
  h.scored = p.flags & ~BOUNDS || p.logitsSoftCap > 0 || !(p.softmaxScale > 0) || !(p.kScale > 0);
  if (h.head == 0) return false;
  // Two parts are 22 bits: sums of a few products alone are more accurate in plain float32.
  if (h.parts == 2 && p.headSize < 32) return false;
  // Threads have no registers for a tile's sums beside 256 lanes of earlier ones.
  if (h.units && h.head == 256) return false;
  h.stagesQuery = h.units || o.qDtype != (h.half ? KV_FLOAT16 : KV_BFLOAT16) ||
                  !even(p.qStrideBatch, p.qStrideToken, p.qStrideHead);
  h.stagesKeys = h.units || !reads_keys(p, h, path);
  h.queryTokens = o.numTokens > 0 ? o.numTokens : p.numSeqs * p.maxQueryLen;
  h.keyTiles = (p.maxSeqLen + STAGE_KEYS - 1) / STAGE_KEYS;
  h.redoTiles = (p.maxQueryLen + REDO_TOKENS - 1) / REDO_TOKENS;
  size_t rows = (size_t)h.queryTokens * p.numHeads, tiles = (size_t)p.numSeqs * p.numKvHeads * h.keyTiles * 2;
  size_t rowBytes = (size_t)h.parts * h.head * 2;
  h.redo = take(&h.bytes, (size_t)p.numSeqs * p.numHeads * h.redoTiles * sizeof(int));
  h.query = take(&h.bytes, h.stagesQuery ? rows * rowBytes : 0);
  h.queryUnits = take(&h.bytes, h.units ? rows * sizeof(float) : 0);
  h.keys = take(&h.bytes, h.stagesKeys ? tiles * STAGE_KEYS * rowBytes : 0);
  h.keyUnits = take(&h.bytes, h.units ? tiles * sizeof(float) : 0);
  *plan = h;
  return true;
}
