// Memory that each thread keeps from call to call, so that a decode step allocates none.
#include <pthread.h>
#include <stdlib.h>
#include "pool.h"

#define BUFFERS 2
#define ALIGNMENT 64
#define KEPT_BYTES ((address)32 << 20)

typedef struct {
  void *at[BUFFERS];
  address bytes[BUFFERS];
} Buffers;

static pthread_key_t key;
static int keyMade;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_buffers(void *value) {
  Buffers *own = value;
  for (u32 i = 0; i < BUFFERS; i++) free(own->at[i]);
  free(own);
}

static void make_key(void) { keyMade = pthread_key_create(&key, free_buffers) == 0; }

static Buffers *own_buffers(void) {
  pthread_once(&once, make_key);
  if (!keyMade) return 0;
  Buffers *own = pthread_getspecific(key);
  if (own) return own;
  own = calloc(1, sizeof *own);
  if (own && pthread_setspecific(key, own) != 0) {
    free(own);
    return 0;
  }
  return own;
}

void *attn_thread_buffer(u32 which, address bytes) {
  Buffers *own = own_buffers();
  if (!own || bytes > (address)-1 - 2 * KEPT_BYTES) return 0;
  if (own->at[which] && own->bytes[which] >= bytes) return own->at[which];
  address wanted = (bytes + bytes / 4 + 4096) / ALIGNMENT * ALIGNMENT;
  void *fresh = 0;
  if (posix_memalign(&fresh, ALIGNMENT, wanted) != 0) return 0;
  free(own->at[which]);
  own->at[which] = fresh;
  own->bytes[which] = wanted;
  return fresh;
}

void attn_trim_buffers(void) {
  Buffers *own = own_buffers();
  for (u32 i = 0; own && i < BUFFERS; i++) {
    if (own->bytes[i] <= KEPT_BYTES) continue;
    free(own->at[i]);
    own->at[i] = 0;
    own->bytes[i] = 0;
  }
}

/** The code that frees a thread's buffers must not be unloaded before they are. The pool's threads have ended. */
__attribute__((destructor(101))) static void unload(void) {
  if (!keyMade) return;
  Buffers *own = pthread_getspecific(key);
  if (own) free_buffers(own);
  pthread_key_delete(key);
}
