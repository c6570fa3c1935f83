import { closeSync, openSync, writeSync } from 'node:fs';

/** What a case of the file asks for; the harness in kernels/cuda reads the same numbers. */
export const CASE_KINDS = {
  attention: 0,
  cacheWrite: 1,
  cacheGather: 2,
  mergeStates: 3,
  fp8Encode: 4,
  fp8Decode: 5,
} as const;
export type CaseKind = keyof typeof CASE_KINDS;

/** Bytes of a case, one after another; undefined = an operand that is not there. */
export type Blob = ArrayBufferView | undefined;

const MAGIC = 'tfjsattn';
const ABSENT = 0xffffffff;
const ALIGNMENT = 8;

/**
 * Cases for programs that know nothing of JavaScript: 8 bytes of magic, then per case two uint32 (kind, number of
 * blobs) and its blobs, each two uint32 (bytes or 0xffffffff, 0) and its bytes, padded to 8. Little-endian.
 */
export class CaseFile {
  private readonly file: number;
  readonly counts = new Map<CaseKind, number>();

  constructor(path: string) {
    this.file = openSync(path, 'w');
    writeSync(this.file, MAGIC);
  }

  add(kind: CaseKind, name: string, blobs: readonly Blob[]): void {
    const all = [new TextEncoder().encode(name), ...blobs];
    this.words(CASE_KINDS[kind], all.length);
    for (const blob of all) {
      this.words(blob?.byteLength ?? ABSENT, 0);
      if (blob === undefined) continue;
      writeSync(this.file, new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength));
      writeSync(this.file, new Uint8Array(-blob.byteLength & (ALIGNMENT - 1)));
    }
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  private words(...values: number[]): void {
    writeSync(this.file, Uint32Array.from(values));
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Numbers of a parameter struct in its table's order, four bytes each. */
export function packParams(
  table: Readonly<Record<string, 'f32' | 'i32'>>,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const fields = Object.entries(table);
  const view = new DataView(new ArrayBuffer(4 * fields.length));
  fields.forEach(([name, type], i) => {
    if (type === 'f32') view.setFloat32(4 * i, values[name], true);
    else view.setInt32(4 * i, values[name], true);
  });
  return new Uint8Array(view.buffer);
}
