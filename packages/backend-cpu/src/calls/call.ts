import type { TensorInfo } from '@tensorflow/tfjs-core';
import { nameOp } from '../heap/heap.js';
import type { Region } from '../heap/region.js';
import type { Site } from '../runtime.js';
import type { Output, OutputType } from '../tensors/port.js';

/** One kernel call: where its tensors lie, and workspace that ends with it. */
export class Call {
  private readonly outputs: Output[] = [];

  constructor(readonly site: Site) {}

  input(info: TensorInfo): Region {
    return this.site.port.input(info);
  }

  /** The next tensor of the call's result. */
  output(shape: readonly number[], dtype: OutputType = 'float32'): Region {
    const output = this.site.port.output(shape, dtype);
    this.outputs.push(output);
    return output.region;
  }

  workspace(byteLength: number): Region {
    return this.site.arena.take(byteLength);
  }

  finish(): TensorInfo[] {
    return this.outputs.map((output) => output.info());
  }

  discard(): void {
    this.outputs.forEach((output) => output.discard());
  }
}

/** Runs `body` of an op and returns the outputs that it asked for; when it throws, nothing is left behind. */
export function runCall(site: Site, op: string, body: (call: Call) => void): TensorInfo[] {
  const call = new Call(site);
  try {
    body(call);
    return call.finish();
  } catch (error) {
    call.discard();
    throw nameOp(op, error);
  } finally {
    site.arena.reset();
  }
}
