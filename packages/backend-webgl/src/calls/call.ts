import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import { AttentionError, CapacityError } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import type { Sheets } from '../device/sheets.js';
import type { TextureArray, TexelKind } from '../device/texture_array.js';
import { CallInputs, type TensorView } from '../tensors/input.js';
import { makeOutput, type OutputTensor } from '../tensors/output.js';

/** One kernel call: its tensors as textures, and scratch that ends with it. */
export class Call {
  private readonly inputs: CallInputs;
  private readonly scratch: (TextureArray | Sheets)[] = [];
  private readonly outputs: OutputTensor[] = [];

  constructor(readonly device: Device) {
    this.inputs = new CallInputs(device);
  }

  /** To be asked for before the call draws: tfjs may have to draw itself. */
  input(info: TensorInfo): TensorView {
    return this.inputs.view(info);
  }

  /** The next tensor of the call's result. */
  output(shape: readonly number[], dtype?: DataType): OutputTensor {
    const output = makeOutput(this.device, shape, dtype);
    this.outputs.push(output);
    return output;
  }

  folded(kind: TexelKind, count: number): TextureArray {
    return this.keep(this.device.pool.folded(kind, count));
  }

  plain(width: number, height: number, layers: number): TextureArray {
    return this.keep(this.device.pool.plain(width, height, layers));
  }

  sheets(width: number, height: number, count: number): Sheets {
    return this.keep(this.device.pool.sheets(width, height, count));
  }

  private keep<T extends TextureArray | Sheets>(array: T): T {
    this.scratch.push(array);
    return array;
  }

  results(): TensorInfo[] {
    return this.outputs.map(({ info }) => info);
  }

  discardOutputs(): void {
    for (const { info } of this.outputs) this.device.tfjs.disposeIntermediateTensorInfo(info);
  }

  release(): void {
    this.inputs.release();
    for (const array of this.scratch) this.device.pool.give(array);
  }
}

/** Runs `body` of an op and returns the outputs that it asked for; when it throws, nothing is left behind. */
export function runCall(device: Device, op: string, body: (call: Call) => void): TensorInfo[] {
  const call = new Call(device);
  try {
    body(call);
    return call.results();
  } catch (error) {
    call.discardOutputs();
    throw explain(op, error);
  } finally {
    call.release();
  }
}

/** Names the op; what tfjs says of textures that are too large is a matter of capacity. */
function explain(op: string, error: unknown): unknown {
  if (error instanceof CapacityError) return new CapacityError(`${op}: ${error.message}`);
  if (error instanceof AttentionError || !(error instanceof Error)) return error;
  if (!/texture size/i.test(error.message)) return error;
  return new CapacityError(
    `${op}: ${error.message}; split the batch, or keep keys and values in a KvCache, which is not bound to one texture`,
  );
}
