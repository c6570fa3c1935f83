import { DeviceError } from '@tfjs-attention/core/provider';

/** How many labels of dispatches are kept: more than tfjs submits at once. */
const KEPT_LABELS = 16;
/** Messages that are kept until an op reports them; later ones follow from the first. */
const KEPT_MESSAGES = 8;

/** Where Dawn says inside which debug group a command failed, the innermost first. */
const DEBUG_GROUP = /Debug group stack:\s*>\s*"([^"]*[^"\s\0])/;

/**
 * What went wrong on a GPU device without an exception at the call: WebGPU reports invalid commands later, through an event,
 * and drops everything that was submitted with them.
 */
export class DeviceState {
  private readonly messages: string[] = [];
  private readonly labels: string[] = [];
  /** Says that the device is lost, once it is. */
  loss: string | undefined;

  constructor(private readonly gpu: GPUDevice) {
    const onError = ({ error }: GPUUncapturedErrorEvent) => {
      if (this.messages.length < KEPT_MESSAGES) this.messages.push(error.message);
    };
    gpu.addEventListener('uncapturederror', (event) => onError(event));
    void gpu.lost.then((info) => (this.loss = lossOf(info)));
  }

  /** Remembers a dispatch, which an error of the device may be about. */
  note(label: string): void {
    if (this.labels.length === KEPT_LABELS) this.labels.shift();
    this.labels.push(label);
  }

  /** @throws DeviceError if the device is lost, or once if it has reported errors since the last call. */
  check(op: string): void {
    if (this.loss !== undefined) throw new DeviceError(`${op}: ${this.loss}`);
    if (this.messages.length === 0) return;
    const messages = this.messages.splice(0);
    throw new DeviceError(`${op}: ${this.failureOf(messages)}`);
  }

  /** Waits until the device has done and judged everything that was submitted. */
  async settle(): Promise<void> {
    if (this.loss !== undefined) return;
    const { gpu } = this;
    gpu.pushErrorScope('validation');
    const judged = Promise.all([gpu.popErrorScope(), gpu.queue.onSubmittedWorkDone()]);
    await Promise.race([judged.catch(() => undefined), gpu.lost]);
    // Events and the loss are told in tasks of their own.
    await new Promise((resolve) => setTimeout(resolve));
  }

  private failureOf(messages: readonly string[]): string {
    const named = messages.map((message) => DEBUG_GROUP.exec(message)?.[1]).find(Boolean);
    const who =
      named === undefined
        ? `a command failed on the GPU; the last dispatches were ${this.labels.join('; ') || 'none of ours'}`
        : `the dispatch '${named}' failed on the GPU`;
    return (
      `${who}. Its results, and those of up to 15 dispatches that were submitted with it, are not valid. ` +
      `The device says: ${messages[0].trim()}`
    );
  }
}

function lossOf({ reason, message }: GPUDeviceLostInfo): string {
  return (
    `the WebGPU device is lost (${reason}${message ? `: ${message}` : ''}), and all tensors and caches on it; call ` +
    'restartWebGPUBackend() and tf.setBackend, then make new ones'
  );
}
