// All kernels for one instruction set, in one translation unit: compiled once per set with ATTENTION_ISA as its name.
#include "cpu/rows.c"
#include "cpu/decode_rows.c"
#include "cpu/schedule.c"
#include "cpu/prefill.c"
#include "cpu/decode.c"
#include "cpu/merge.c"
#include "cpu/cache.c"
#include "cpu/backward.c"
#include "cpu/ceiling.c"
#include "cpu/native.h"

#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)
#define JOIN(a, b) a##b
#define TABLE_OF(name) JOIN(attn_kernels_, name)

const AttnKernels TABLE_OF(ATTENTION_ISA) = {
    .name = TEXT_OF(ATTENTION_ISA),
    .lanes = LANES,
    .itemBytes = sizeof(AttnItem),
    .schedule = attn_schedule,
    .scratchBytes = attn_scratch_bytes,
    .partialBytes = attn_partial_bytes,
    .run = attn_run,
    .combine = attn_combine,
    .mergeStates = attn_merge_states,
    .backward = attn_backward,
    .backwardScratchBytes = attn_backward_scratch_bytes,
    .cacheWrite = cache_write,
    .cacheGather = cache_gather,
    .fp8Encode = fp8_encode,
    .fp8Decode = fp8_decode,
    .ceilingMadd = ceiling_madd,
    .ceilingTile = ceiling_tile,
    .ceilingRead = ceiling_read,
};
