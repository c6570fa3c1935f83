import type { ByteFile } from './files.js';
import { decodeWeights, isWeightDtype, WEIGHT_BYTES } from './half.js';
import { JsonObject } from './json_object.js';
import { demand } from '../user_error.js';

/** Where a tensor lies in its file. */
interface Entry {
  dtype: string;
  shape: readonly number[];
  /** Bytes from the start of the file. */
  offset: number;
  bytes: number;
}

const MAX_HEADER_BYTES = 100_000_000;

/** Elements that are decoded together. */
const PIECE_SIZE = 2 ** 18;

/** Takes a part of a tensor: float32 values that are overwritten after the call, and the index of the first. */
export type PieceVisitor = (values: Float32Array, start: number) => void;

/**
 * A safetensors file: 8 bytes of header length, a JSON header, raw little-endian data. Tensors are read in pieces, so
 * neither a file nor a tensor is ever in memory as a whole.
 */
export class SafetensorsFile {
  private readonly entries = new Map<string, Entry>();
  readonly path: string;

  /**
   * Takes ownership of `file`.
   *
   * @throws UserError naming the file where it is cut off or inconsistent; it is then closed.
   */
  constructor(private readonly file: ByteFile) {
    this.path = file.path;
    try {
      this.readHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  names(): string[] {
    return [...this.entries.keys()];
  }

  /** The tensor's shape; undefined where the file does not have it. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.entries.get(name)?.shape;
  }

  /** Hands out the tensor as float32 in row-major order, some whole rows of its last axis at a time. */
  visit(name: string, visitor: PieceVisitor): void {
    const { dtype, shape, offset, bytes } = this.entry(name);
    demand(
      isWeightDtype(dtype),
      `${this.path}: tensor '${name}' has dtype ${dtype}; only ${Object.keys(WEIGHT_BYTES).join(', ')} can be read`,
    );
    const width = WEIGHT_BYTES[dtype];
    const size = bytes / width;
    const row = Math.max(1, shape.at(-1) ?? 1);
    const piece = Math.min(size, row * Math.max(1, Math.floor(PIECE_SIZE / row)));
    const raw = new Uint8Array(piece * width);
    const values = new Float32Array(piece);
    for (let start = 0; start < size; start += piece) {
      const count = Math.min(piece, size - start);
      this.file.read(raw.subarray(0, count * width), offset + start * width);
      const part = values.subarray(0, count);
      decodeWeights(dtype, raw.buffer, part);
      visitor(part, start);
    }
  }

  /** A tensor of dtype U8 as it is, for codes that others decode. */
  readCodes(name: string): Uint8Array {
    const { dtype, offset, bytes } = this.entry(name);
    demand(dtype === 'U8', `${this.path}: tensor '${name}' has dtype ${dtype}, U8 was expected`);
    const codes = new Uint8Array(bytes);
    this.file.read(codes, offset);
    return codes;
  }

  close(): void {
    this.file.close();
  }

  private readHeader(): void {
    const { size } = this.file;
    demand(size >= 8, `${this.path}: ${size} bytes are too few for a safetensors file`);
    const length = Number(new DataView(this.readBytes(0, 8).buffer).getBigUint64(0, true));
    const dataStart = 8 + length;
    demand(
      length <= MAX_HEADER_BYTES && dataStart <= size,
      `${this.path}: a header of ${length} bytes does not fit the file's ${size}; it is cut off or no safetensors file`,
    );
    const text = new TextDecoder().decode(this.readBytes(8, length));
    const header = JsonObject.parse(`${this.path} (header)`, text);
    for (const name of Object.keys(header.values)) {
      if (name === '__metadata__') continue;
      this.entries.set(name, this.checkEntry(name, header.object(name).values, dataStart, size));
    }
  }

  private checkEntry(
    name: string,
    { dtype, shape, data_offsets: span }: Readonly<Record<string, unknown>>,
    dataStart: number,
    fileSize: number,
  ): Entry {
    const where = `${this.path}: tensor '${name}'`;
    demand(typeof dtype === 'string', `${where} has no dtype, got ${JSON.stringify(dtype)}`);
    demand(isCounts(shape), `${where} has no valid shape, got ${JSON.stringify(shape)}`);
    demand(
      isCounts(span) && span.length === 2,
      `${where} has no valid data_offsets, got ${JSON.stringify(span)}`,
    );
    const [begin, end] = span;
    const bytes = end - begin;
    // Files may hold tensors of other types that no one asks for.
    const wanted = isWeightDtype(dtype)
      ? shape.reduce((product, size) => product * size, WEIGHT_BYTES[dtype])
      : bytes;
    demand(
      bytes === wanted && bytes >= 0,
      `${where} of shape [${shape.join(', ')}] and dtype ${dtype} needs ${wanted} bytes, its data_offsets span ${bytes}`,
    );
    demand(
      dataStart + end <= fileSize,
      `${where} ends at byte ${dataStart + end} of a file of ${fileSize}; the file is cut off`,
    );
    return { dtype, shape, offset: dataStart + begin, bytes };
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    demand(entry !== undefined, `${this.path}: has no tensor '${name}'`);
    return entry;
  }

  private readBytes(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.file.read(bytes, offset);
    return bytes;
  }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
