// The ops by name. Each file op_*.cc has the compute functions of one kernel of kernels/README.md.
#ifndef TFJS_ATTENTION_NODE_OPS_H
#define TFJS_ATTENTION_NODE_OPS_H
#include "op.h"

namespace tfjs_attention {

/** Throws OpError before anything was written, or completes. */
using Compute = void (*)(Op &op);

/** A row of the op table; lists end with null. */
struct OpSpec {
  const char *name;
  const char *attribute;
  const char *inputs[16];
  const char *outputs[3];
  /** Whether it writes into an input, or depends on more than its inputs: TensorFlow then never reuses a result. */
  bool stateful;
  Compute compute;
};

constexpr int kOpCount = 13;
extern const OpSpec kOps[kOpCount];

/** Runs an op and turns whatever it throws into a TensorFlow status. */
void run_op(const OpSpec &spec, TF_OpKernelContext *context);

void prefill(Op &op);
void backward(Op &op);
void paged(Op &op);
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
