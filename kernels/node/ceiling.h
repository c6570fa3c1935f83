// What the machine can do at most, for benchmarks to measure beside the ops.
#pragma once
#define NAPI_VERSION 8
#include <node_api.h>

namespace tfjs_attention {

/**
 * ceiling(kind, work, threads): does that much of kind 0 (multiply-adds in registers), 1 (a register tile on operands
 * in the first-level cache), both in rounds a thread, or 2 (reading memory, in bytes over all threads); gives the
 * flops or bytes that it did. Throws if memory runs out.
 */
napi_value ceiling(napi_env env, napi_callback_info info);

}  // namespace tfjs_attention
