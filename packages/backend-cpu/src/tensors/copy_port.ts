import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Arena } from '../heap/arena.js';
import type { Region } from '../heap/region.js';
import type { Output, OutputType, TensorPort } from './port.js';

/** Copies tensors from where a stock backend keeps them into our own memory, and results back. */
export class CopyPort implements TensorPort {
  constructor(
    private readonly stock: TensorPort,
    private readonly arena: Arena,
  ) {}

  input(info: TensorInfo): Region {
    const source = this.stock.input(info);
    const copy = this.arena.take(source.byteLength);
    copy.bytes().set(source.bytes());
    return copy;
  }

  output(shape: readonly number[], dtype: OutputType): Output {
    const target = this.stock.output(shape, dtype);
    try {
      const region = this.arena.take(target.region.byteLength);
      return {
        region,
        info() {
          target.region.bytes().set(region.bytes());
          return target.info();
        },
        discard: () => target.discard(),
      };
    } catch (error) {
      target.discard();
      throw error;
    }
  }
}
