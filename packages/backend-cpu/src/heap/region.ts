/** Bytes that kernels read or write. Views are made anew each time: growing a memory detaches old ones. */
export interface Region {
  /** Place in WebAssembly memory; 0 for plain arrays, which only the TypeScript kernels read. */
  readonly address: number;
  readonly byteLength: number;
  bytes(): Uint8Array;
  floats(): Float32Array;
  ints(): Int32Array;
  part(offset: number, byteLength: number): Region;
}

/** Regions by operand name; what is absent has no key or is undefined. */
export type Regions<Name extends string> = Readonly<Partial<Record<Name, Region>>>;

/** Part of a memory that may grow. */
export class MemoryRegion implements Region {
  constructor(
    private readonly memory: { readonly buffer: ArrayBufferLike },
    readonly address: number,
    readonly byteLength: number,
  ) {}

  bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.address, this.byteLength);
  }

  floats(): Float32Array {
    return new Float32Array(this.memory.buffer, this.address, this.byteLength / 4);
  }

  ints(): Int32Array {
    return new Int32Array(this.memory.buffer, this.address, this.byteLength / 4);
  }

  part(offset: number, byteLength: number): Region {
    return new MemoryRegion(this.memory, this.address + offset, byteLength);
  }
}

/** A plain array of JavaScript. */
export class ArrayRegion implements Region {
  readonly address = 0;

  constructor(private readonly array: ArrayBufferView) {}

  get byteLength(): number {
    return this.array.byteLength;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.array.buffer, this.array.byteOffset, this.byteLength);
  }

  floats(): Float32Array {
    return new Float32Array(this.array.buffer, this.array.byteOffset, this.byteLength / 4);
  }

  ints(): Int32Array {
    return new Int32Array(this.array.buffer, this.array.byteOffset, this.byteLength / 4);
  }

  part(offset: number, byteLength: number): Region {
    const { buffer, byteOffset } = this.array;
    return new ArrayRegion(new Uint8Array(buffer, byteOffset + offset, byteLength));
  }
}
