// How a warp of the decode kernel brings keys and values to shared memory, 16 at a time.
#ifndef TFJS_ATTENTION_CUDA_DECODE_STREAM_CUH
#define TFJS_ATTENTION_CUDA_DECODE_STREAM_CUH
#include "device.cuh"
#include "mma.cuh"

#define DECODE_STEP 16

template <int HEAD_, int DTYPE_, bool EXACT_, int BLOCKS_, int WARPS_, int STAGES_>
struct DecodeShape {
  static constexpr int HEAD = HEAD_, DTYPE = DTYPE_, WARPS = WARPS_, STAGES = STAGES_, THREADS = 32 * WARPS;
  /** Query rows come in blocks of eight. */
  static constexpr int BLOCKS = BLOCKS_, ROWS = 8 * BLOCKS;
  static constexpr bool EXACT = EXACT_, HALF = DTYPE != KV_BFLOAT16, BYTES = HALF && DTYPE != KV_FLOAT16;
  static constexpr int PARTS = !EXACT ? 1 : HALF ? 2 : 3, WIDTH = BYTES ? 1 : 2;
  /** Pieces of 16 keys that a warp works on at once: one leaves its tensor core waiting where rows are short. */
  static constexpr int SPAN = BYTES && HEAD < 256 ? 2 : 1, KEYS = SPAN * DECODE_STEP;
  /** Steps of 16 lanes; sums of scores that go on side by side, since products that wait for one another are slow. */
  static constexpr int TILES = HEAD / 16, SUMS = HEAD == 256 ? 1 : EXACT ? PARTS : 2;
  /** A row's 16-byte pieces; a piece of a stage: keys, values, 2 x 16 token scales. */
  static constexpr int PIECES = HEAD * WIDTH / 16, SIDE = DECODE_STEP * HEAD * WIDTH;
  static constexpr int PIECE = 2 * SIDE + (BYTES ? 128 : 0);
  static constexpr int STAGE = SPAN * PIECE, RINGS = WARPS * STAGES * STAGE, STATES = WARPS * ROWS * (HEAD + 2) * 4;
  static constexpr int SHARED = RINGS > STATES ? RINGS : STATES;
};

/** Where piece `piece` of row `row` lies in a side: xor keeps ldmatrix free of bank conflicts. */
template <class S>
HOOK u32 decode_piece(int row, int piece) {
  constexpr int MASK = S::PIECES < 8 ? S::PIECES - 1 : 7;
  // Rows of fewer than eight pieces: as many as fill 128 bytes share a swizzle.
  int turn = S::PIECES < 8 ? row / (8 / S::PIECES) & MASK : row & MASK;
  return (u32)(row * S::PIECES + (piece ^ turn)) * 16;
}

/** Where one side of a KV head lies. */
struct KvPlace {
  const unsigned char *data;
  address strideBlock, strideToken;
};

/** A block's keys, of which its warps take turns: lanes 0-15 look up rows of keys, the others rows of values. */
struct DecodeStream {
  KvSide mine;
  KvPlace keys, values;
  int keySize, valueSize;
  MaskRange range;
  int end;
};

/** Whether steps of 16 keys lie in one piece each: dense keys, or whole parts of blocks. */
HOOK bool decode_steady(const Launch &c, const DecodeStream &t, int begin) {
  bool whole = t.range.gap == t.range.resume && mask_key(t.range, begin) % DECODE_STEP == 0;
  return c.p.blockSize == 0 || (whole && c.p.blockSize % DECODE_STEP == 0);
}

/** Where the next piece of a steady stream lies, found without dividing: its block of the table and the key there. */
struct DecodeCursor {
  int index, offset;
  /** The physical block, looked up ahead of the copy. */
  int block;
};

/** What a cursor moves by: whole blocks and the rest. */
struct DecodeStride {
  int blocks, rest;
};

HOOK DecodeStride decode_stride(const DecodeStream &t, int keys) {
  if (!t.mine.blocks) return {0, keys};
  return {keys / t.mine.blockSize, keys % t.mine.blockSize};
}

HOOK void decode_look_up(const DecodeStream &t, DecodeCursor *cursor, bool inside) {
  cursor->block = t.mine.blocks && inside ? t.mine.blocks[cursor->index] : 0;
}

HOOK DecodeCursor decode_cursor(const DecodeStream &t, int at) {
  int key = mask_key(t.range, at);
  DecodeCursor cursor = {0, key, 0};
  if (t.mine.blocks) cursor = {key / t.mine.blockSize, key % t.mine.blockSize, 0};
  decode_look_up(t, &cursor, at < t.end);
  return cursor;
}

HOOK void decode_advance(const DecodeStream &t, const DecodeStride &by, DecodeCursor *cursor, bool inside) {
  cursor->index += by.blocks;
  cursor->offset += by.rest;
  if (t.mine.blocks && cursor->offset >= t.mine.blockSize) cursor->offset -= t.mine.blockSize, cursor->index++;
  decode_look_up(t, cursor, inside);
}

/** Starts the copy of a whole piece of a steady stream. */
template <class S>
HOOK void decode_fetch_steady(const DecodeStream &t, const DecodeCursor &from16, u32 stage) {
  constexpr int ROWS = 32 / S::PIECES > 0 ? 32 / S::PIECES : 1, TURNS = S::PIECES > 32 ? S::PIECES / 32 : 1;
  int lane = threadIdx.x % 32, block = from16.block, offset = from16.offset;
  UNROLL for (int side = 0; side < 2; side++) {
    const KvPlace &place = side == 0 ? t.keys : t.values;
    address row = (u32)(offset + lane / S::PIECES), first = (u32)block * place.strideBlock + row * place.strideToken;
    const unsigned char *from = place.data + first * S::WIDTH + lane % S::PIECES * 16;
    UNROLL for (int i = 0; i < DECODE_STEP / ROWS; i++) {
      UNROLL for (int turn = 0; turn < TURNS; turn++) {
        u32 to = decode_piece<S>(i * ROWS + lane / S::PIECES, lane % S::PIECES + turn * 32);
        copy_async_16(stage + side * S::SIDE + to, from + turn * 512, 16);
      }
      from += (address)ROWS * place.strideToken * S::WIDTH;
    }
  }
  if (S::BYTES && t.mine.tokenScales) {
    address row = t.mine.blocks ? (address)(u32)block * (u32)t.mine.blockSize + offset : (address)(u32)offset;
    copy_async_4(stage + 2 * S::SIDE + lane * 4,
                 t.mine.tokenScales + (row + lane % DECODE_STEP) * (u32)t.mine.numKvHeads, 4);
  }
}

/** Starts the copy of keys and values [at, at + 16), counted as they are seen; zeros past the end. */
template <class S>
HOOK void decode_fetch(const DecodeStream &t, int at, u32 stage) {
  int lane = threadIdx.x % 32, mine = at + lane % DECODE_STEP;
  bool inside = mine < t.end;
  const unsigned char *row = t.mine.data;
  const float *scale = t.mine.tokenScales;
  if (inside) kv_locate(&t.mine, mask_key(t.range, mine), 1, &row, &scale);
  unsigned long long rowAt = (unsigned long long)row;
  UNROLL for (int i = 0; i < 2 * DECODE_STEP * S::PIECES / 32; i++) {
    int piece = i * 32 + lane, j = piece / S::PIECES, part = piece % S::PIECES;
    const char *from = (const char *)__shfl_sync(~0u, rowAt, j) + part * 16;
    int size = j < DECODE_STEP ? t.keySize : t.valueSize;
    int left = (size - part * 16 / S::WIDTH) * S::WIDTH;
    bool wanted = at + j % DECODE_STEP < t.end && left > 0;
    copy_async_16(stage + j / DECODE_STEP * S::SIDE + decode_piece<S>(j % DECODE_STEP, part), wanted ? from : 0,
                  wanted ? mask_min(left, 16) : 0);
  }
  if (S::BYTES && t.mine.tokenScales) copy_async_4(stage + 2 * S::SIDE + lane * 4, scale, inside ? 4 : 0);
}

#endif
