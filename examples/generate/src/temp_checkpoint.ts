// Writes checkpoints of a test's own making into temporary directories.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A tensor to be written: raw little-endian bytes. */
export interface RawTensor {
  dtype: string;
  shape: readonly number[];
  data: Uint8Array;
}

export function float32Tensor(shape: readonly number[], values: ArrayLike<number>): RawTensor {
  return { dtype: 'F32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

export function safetensorsBytes(tensors: Readonly<Record<string, RawTensor>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  return Buffer.concat([length, text, ...Object.values(tensors).map(({ data }) => data)]);
}

/** A directory that goes away after `fn`. */
export async function withDirectory<T>(fn: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'generate-'));
  try {
    return await fn(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A copy of a checkpoint whose config.json is changed; `undefined` takes a field away. */
export async function withChangedConfig<T>(
  source: string,
  changes: Readonly<Record<string, unknown>>,
  fn: (directory: string) => T | Promise<T>,
): Promise<T> {
  return withDirectory((directory) => {
    cpSync(source, directory, { recursive: true });
    const path = join(directory, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...config, ...changes }));
    return fn(directory);
  });
}
