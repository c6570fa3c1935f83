// The ops by name. Each file op_*.cc has the compute functions of one kernel of kernels/README.md.
#ifndef TFJS_ATTENTION_NODE_OPS_H
#define TFJS_ATTENTION_NODE_OPS_H
#include <memory>
#include "machine.h"

namespace tfjs_attention {

/** Throws OpError before anything was written, or completes. */
using Compute = void (*)(Op &op);

/** Which devices have kernels of an op; TensorFlow copies tensors to the one that has. */
enum class Kernels { kCpu, kCpuAndGpu };

/** A row of the op table; lists end with null. */
struct OpSpec {
  const char *name;
  const char *attribute;
  const char *inputs[18];
  const char *outputs[3];
  /** Whether it writes into an input, or depends on more than its inputs: TensorFlow then never reuses a result. */
  bool stateful;
  Kernels kernels;
  Compute compute;
};

constexpr int kOpCount = 14;
extern const OpSpec kOps[kOpCount];

using MakeMachine = std::unique_ptr<Machine> (*)(TF_OpKernelContext *context);

/** Runs an op on a machine and turns whatever is thrown into a TensorFlow status. */
void run_op(const OpSpec &spec, TF_OpKernelContext *context, MakeMachine machine);

void prefill(Op &op);
void backward(Op &op);
void paged(Op &op);
void upload_ints(Op &op);
void cache_init(Op &op);
void reshape_and_cache(Op &op);
void gather_cache(Op &op);
void copy_blocks(Op &op);
void read_blocks(Op &op);
void write_blocks(Op &op);
void merge_states(Op &op);
void encode_fp8(Op &op);
void decode_fp8(Op &op);
void device_info(Op &op);

}  // namespace tfjs_attention
#endif
