// Barriers and copies of the Hopper generation: mbarriers, TMA tiles, named barriers, register shares.
#ifndef TFJS_ATTENTION_CUDA_ASYNC_CUH
#define TFJS_ATTENTION_CUDA_ASYNC_CUH
#include <cuda.h>
#include "lanes.cuh"

typedef unsigned long long Barrier;

HOOK u32 shared_address(const void *p) { return (u32)__cvta_generic_to_shared(p); }

HOOK void barrier_init(Barrier *b, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(arrivals));
}

/** Makes initialised barriers visible to the copy engine. */
HOOK void barrier_publish() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

HOOK void barrier_arrive(Barrier *b) {
  asm volatile("{ .reg .b64 t; mbarrier.arrive.shared::cta.b64 t, [%0]; }" ::"r"(shared_address(b)) : "memory");
}

/** Arrives, and lets the phase wait for `bytes` of copies. */
HOOK void barrier_expect(Barrier *b, u32 bytes) {
  asm volatile("{ .reg .b64 t; mbarrier.arrive.expect_tx.shared::cta.b64 t, [%0], %1; }" ::"r"(shared_address(b)),
               "r"(bytes)
               : "memory");
}

/** Until the phase of this parity is over. */
HOOK void barrier_wait(Barrier *b, u32 parity) {
  asm volatile(
      "{ .reg .pred p;\n"
      "again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@p bra.uni done;\n"
      "bra.uni again;\n"
      "done: }" ::"r"(shared_address(b)),
      "r"(parity)
      : "memory");
}

/** Where a ring of buffers stands: parity flips at each turn. */
struct Ring {
  int at;
  u32 parity;
};
template <int STAGES>
HOOK void ring_next(Ring *r) {
  if (++r->at == STAGES) r->at = 0, r->parity ^= 1;
}

/** One box of a 4-D tensor [block][head][token][lane] to shared memory. */
HOOK void tma_load(const CUtensorMap *map, void *to, Barrier *b, int lane, int token, int head, int block) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], "
      "[%2];" ::"r"(shared_address(to)),
      "l"(map), "r"(shared_address(b)), "r"(lane), "r"(token), "r"(head), "r"(block)
      : "memory");
}

HOOK void tma_prefetch(const CUtensorMap *map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }

/** Ordinary writes to shared memory become visible to wgmma and TMA. */
HOOK void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

HOOK void named_sync(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
HOOK void named_arrive(int id, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory"); }

template <int COUNT>
HOOK void registers_give() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}
template <int COUNT>
HOOK void registers_take() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}

#endif
