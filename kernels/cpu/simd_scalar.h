// One lane: any processor, and a second opinion on the others.
#define TILE_SPLATS 1
#define TILE_VECTORS 4
#define TILE_UNROLL 4
#define TILE_CHUNK 1
#define FETCH_AHEAD 0
#define TILE_BLOCKS 32
/** No instruction widens a float16. */
#define HARDWARE_FLOAT16 0
#define HARDWARE_INT8 1
/** Decoding: rows by keys that share a turn, of float32 and of narrower types. */
#define WIDE_ROWS 2
#define WIDE_KEYS 1
#define NARROW_ROWS 4
#define NARROW_KEYS 1

HOOK vf vf_splat(float x) { return x; }
HOOK vi vi_splat(int x) { return x; }
/** A comparison gives 1 or 0. */
HOOK vi vi_select(vi mask, vi yes, vi no) { return mask ? yes : no; }
HOOK vf vf_select(vi mask, vf yes, vf no) { return mask ? yes : no; }
HOOK int vi_any(vi mask) { return mask != 0; }
HOOK vf vf_madd(vf a, vf b, vf c) { return a * b + c; }
HOOK vf vf_max(vf a, vf b) { return a < b ? b : a; }
HOOK vf vf_load_part(const float *from, u32 count) { return count ? *from : 0.0f; }
HOOK vi vi_load_u8(const unsigned char *from) { return *from; }
HOOK vi vi_load_s8(const unsigned char *from) { return (signed char)*from; }
HOOK vi vi_load_top8(const unsigned char *from) { return (int)((u32)*from << 24); }
HOOK vi vi_load_u16(const unsigned short *from) { return *from; }
HOOK vi vi_load_s16(const unsigned short *from) { return (short)*from; }
HOOK void vf_transpose(vf rows[LANES]) { (void)rows; }
HOOK vf vf_sums(vf rows[LANES]) { return rows[0]; }
