import {
  AttentionError,
  CapacityError,
  DeviceError,
  InvalidArgumentError,
} from '@tfjs-attention/core/provider';

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

/** What tfjs-node throws for a TensorFlow status, as an error of ours that names the op. */
export function nameOp(op: string, error: unknown): unknown {
  if (error instanceof AttentionError) return error;
  // No `instanceof Error`: what native code throws may be of another realm.
  const { message } = error as { message?: unknown };
  const status = /Invalid TF_Status: (\d+)\s+Message: ([\s\S]*)/.exec(String(message));
  const text = `${op}: ${status?.[2] ?? String(message)}`;
  switch (Number(status?.[1])) {
    case INVALID_ARGUMENT:
      return new InvalidArgumentError(text);
    case RESOURCE_EXHAUSTED:
      return new CapacityError(`${text}; take a smaller shape, fewer blocks or a smaller dtype`);
    default:
      return new DeviceError(text);
  }
}
