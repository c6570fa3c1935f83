// How much memory this machine has.
#ifndef TFJS_ATTENTION_NODE_MACHINE_MEMORY_H
#define TFJS_ATTENTION_NODE_MACHINE_MEMORY_H
#include <cstdint>
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace tfjs_attention {

/**
 * Bytes of physical memory, 0 if unknown. Operating systems promise more than they have and end the process later, so
 * what cannot fit is refused before.
 */
inline int64_t machine_memory() {
#ifdef _WIN32
  MEMORYSTATUSEX status;
  status.dwLength = sizeof status;
  return GlobalMemoryStatusEx(&status) ? static_cast<int64_t>(status.ullTotalPhys) : 0;
#else
  int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? pages * size : 0;
#endif
}

}  // namespace tfjs_attention
#endif
