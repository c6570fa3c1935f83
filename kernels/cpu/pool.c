// One job at a time: helpers join while it is open and take items from one counter; the caller closes it when none are
// left and waits for those who joined, never for a helper that has not woken up yet.
#include "pool.h"
#include <pthread.h>
#include <stdatomic.h>

#define MOST_HELPERS 255

typedef struct {
  AttnTask task;
  void *context;
  u32 count;
  address scratchBytes;
} Job;

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
/** Guards all that follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static pthread_t helpers[MOST_HELPERS];
static u32 started, places, working, generation;
static int stopping, forkWatched;
static Job job;
static atomic_uint next;

static void take_items(const Job *j, void *scratch) {
  for (u32 i; (i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < j->count;) {
    j->task(j->context, i, i + 1, scratch);
  }
}

static void *help(void *unused) {
  u32 seen = 0;
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!stopping && (places == 0 || generation == seen)) pthread_cond_wait(&opened, &lock);
    if (stopping) break;
    seen = generation;
    places--;
    working++;
    Job mine = job;
    pthread_mutex_unlock(&lock);
    void *scratch = attn_thread_buffer(0, mine.scratchBytes);
    if (scratch) take_items(&mine, scratch);
    attn_trim_buffers();
    pthread_mutex_lock(&lock);
    if (--working == 0) pthread_cond_signal(&finished);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

/** A child process has the memory of the pool but none of its threads: it begins anew. */
static void after_fork(void) {
  pthread_mutex_init(&busy, 0);
  pthread_mutex_init(&lock, 0);
  pthread_cond_init(&opened, 0);
  pthread_cond_init(&finished, 0);
  started = places = working = 0;
}

/** As many helpers as wanted, or as the system gives. */
static void start_helpers(u32 wanted) {
  if (!forkWatched) forkWatched = pthread_atfork(0, 0, after_fork) == 0;
  if (wanted > MOST_HELPERS) wanted = MOST_HELPERS;
  while (!stopping && started < wanted && pthread_create(&helpers[started], 0, help, 0) == 0) started++;
}

static void open_job(Job j, u32 wanted) {
  pthread_mutex_lock(&lock);
  start_helpers(wanted);
  job = j;
  places = wanted < started ? wanted : started;
  generation++;
  atomic_store_explicit(&next, 0, memory_order_relaxed);
  if (places == 1) pthread_cond_signal(&opened);
  else pthread_cond_broadcast(&opened);
  pthread_mutex_unlock(&lock);
}

static void close_job(void) {
  pthread_mutex_lock(&lock);
  places = 0;
  while (working > 0) pthread_cond_wait(&finished, &lock);
  pthread_mutex_unlock(&lock);
}

int attn_pool_run(u32 threads, u32 count, address scratchBytes, AttnTask task, void *context) {
  void *scratch = attn_thread_buffer(0, scratchBytes);
  if (!scratch) return -1;
  u32 wanted = threads < count ? threads : count;
  if (wanted <= 1 || pthread_mutex_trylock(&busy) != 0) {
    if (count > 0) task(context, 0, count, scratch);
    return 0;
  }
  Job j = {task, context, count, scratchBytes};
  open_job(j, wanted - 1);
  take_items(&j, scratch);
  close_job();
  pthread_mutex_unlock(&busy);
  return 0;
}

u32 attn_pool_started(void) {
  pthread_mutex_lock(&lock);
  u32 count = started;
  pthread_mutex_unlock(&lock);
  return count;
}

/** Helpers run this library's code, so they end before it is unloaded. */
__attribute__((destructor(102))) static void unload(void) {
  pthread_mutex_lock(&lock);
  stopping = 1;
  pthread_cond_broadcast(&opened);
  pthread_mutex_unlock(&lock);
  for (u32 i = 0; i < started; i++) pthread_join(helpers[i], 0);
  started = 0;
}
