// Threads that share the items of one job.
#ifndef TFJS_ATTENTION_CPU_POOL_H
#define TFJS_ATTENTION_CPU_POOL_H
#include "native.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Does items [begin, end) with scratch that no other thread uses meanwhile. */
typedef void (*AttnTask)(void *context, u32 begin, u32 end, void *scratch);

/**
 * Runs items [0, count) on up to `threads` threads (0 counts as 1) and returns when all are done. The caller takes
 * part; the others are started when first asked for, and kept. A caller that finds the pool at work for another one
 * does its items alone. Which thread does which item is left to chance: no item may depend on another.
 * Returns 0, or -1 if there is no memory for the caller's scratch, and then no item was run.
 */
int attn_pool_run(u32 threads, u32 count, address scratchBytes, AttnTask task, void *context);

/** Threads that were started so far. */
u32 attn_pool_started(void);

/**
 * This thread's own buffer number `which` (0 or 1), at least `bytes` long, 64-byte aligned, contents undefined; null if
 * memory ran out. Kept until the thread ends or `attn_trim_buffers` finds it large. The pool's tasks get number 0.
 */
void *attn_thread_buffer(u32 which, address bytes);
/** Frees this thread's buffers that are larger than 32 MiB. */
void attn_trim_buffers(void);

#ifdef __cplusplus
}
#endif
#endif
