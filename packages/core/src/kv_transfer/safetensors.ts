import { InvalidArgumentError } from '../errors.js';
import { check } from '../problem/checks.js';

/** One entry of a safetensors file. */
export interface StoredTensor {
  /** The format's own name: F32, F16, BF16, F8_E4M3, F8_E5M2, I8. */
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

const OP = 'safetensors';
const METADATA = '__metadata__';

/**
 * Writes tensors as a safetensors file: 8 bytes of header length, a JSON header, the data. Little-endian; the header is
 * padded with spaces so that data begin at a multiple of 8.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(file.buffer).setUint32(0, start - 8, true);
  file.set(text, 8);
  let at = start;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.byteLength;
  }
  file.fill(0, 4, 8);
  return file;
}

/**
 * Reads what {@link writeSafetensors} wrote.
 *
 * @throws InvalidArgumentError for a file that is cut off or no safetensors file.
 */
export function readSafetensors(file: Uint8Array): Record<string, StoredTensor> {
  check(file.length >= 8, OP, `a file of ${file.length} bytes has no header`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + view.getUint32(0, true);
  check(
    view.getUint32(4, true) === 0 && start <= file.length,
    OP,
    `the header should end at byte ${start}, the file has ${file.length}: it was cut off`,
  );
  const header = parseHeader(new TextDecoder().decode(file.subarray(8, start)));
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    check(isEntry(entry), OP, `'${name}' needs dtype, shape and data_offsets`);
    const { dtype, shape, data_offsets: offsets } = entry;
    const [from, to] = offsets;
    check(
      from >= 0 && from <= to && start + to <= file.length,
      OP,
      `'${name}' should end at byte ${start + to}, the file has ${file.length}: it was cut off`,
    );
    tensors[name] = { dtype, shape, bytes: file.slice(start + from, start + to) };
  }
  return tensors;
}

function parseHeader(text: string): Header {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`${OP}: the header is no JSON (${String(error)})`);
  }
  check(typeof header === 'object' && header !== null, OP, 'the header is no JSON object');
  return header as Header;
}

function isEntry(entry: Partial<Header[string]> | null): boolean {
  const areInts = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isInteger); // prettier-ignore
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  return typeof dtype === 'string' && areInts(shape) && areInts(offsets) && offsets.length === 2;
}
