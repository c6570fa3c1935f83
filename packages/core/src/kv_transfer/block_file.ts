import { codesPerRow, hasTokenScales } from '../kv_cache/dtypes.js';
import type { KvBlockBytes, KvCacheLayout } from '../kv_cache/layout.js';
import { check } from '../problem/checks.js';
import type { KvCacheDtype } from '../problem/params.js';
import type { readSafetensors } from './safetensors.js';
import { writeSafetensors, type StoredTensor } from './safetensors.js';

const OP = 'KvStoreConnector';

/** One block of one layer, or what a file holds of it. */
export interface LayerBlock {
  layout: KvCacheLayout;
  bytes: KvBlockBytes;
}

/** A file with one block of every layer: `<layer>.key` `[C, K, H]`, `.value` `[C, K, Hv]`, and token scales `[C, K]`. */
export function writeBlockFile(layers: Readonly<Record<string, LayerBlock>>): Uint8Array {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, { layout, bytes }] of Object.entries(layers)) {
    for (const [part, shape] of partsOf(layout)) {
      const data = bytes[part];
      if (data === undefined) continue;
      tensors[`${name}.${part}`] = {
        dtype: part.endsWith('Scales') ? 'F32' : storedName(layout.dtype),
        shape,
        bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      };
    }
  }
  return writeSafetensors(tensors);
}

/**
 * One layer's block of a file.
 *
 * @throws InvalidArgumentError where the file has no such block, or one of another shape or type.
 */
export function readBlockFile(
  key: string,
  tensors: ReturnType<typeof readSafetensors>,
  name: string,
  layout: KvCacheLayout,
): KvBlockBytes {
  const read = (part: keyof KvBlockBytes, shape: readonly number[]): Uint8Array => {
    const found = tensors[`${name}.${part}`];
    check(found !== undefined, OP, `block ${key} holds no ${part} of layer '${name}'`);
    const dtype = part.endsWith('Scales') ? 'F32' : storedName(layout.dtype);
    check(
      found.dtype === dtype && found.shape.join() === shape.join(),
      OP,
      `block ${key} of layer '${name}' is ${found.dtype} [${found.shape.join(', ')}], the cache holds ${dtype} [${shape.join(', ')}]`,
    );
    const size = shape.reduce((product, axis) => product * axis, bytesOf(dtype));
    check(
      found.bytes.length === size,
      OP,
      `block ${key} has ${found.bytes.length} bytes of ${part} of layer '${name}', not ${size}: the file is damaged`,
    );
    return found.bytes;
  };
  const floats = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);
  const shapes = new Map(partsOf(layout));
  const scaleShape = shapes.get('keyScales');
  return {
    key: read('key', shapes.get('key') ?? []),
    value: layout.valueInKey ? new Uint8Array() : read('value', shapes.get('value') ?? []),
    ...(scaleShape && { keyScales: floats(read('keyScales', scaleShape)) }),
    ...(scaleShape &&
      !layout.valueInKey && { valueScales: floats(read('valueScales', scaleShape)) }),
  };
}

/** Everything that decides whether bytes of one cache mean the same in another. */
export function layoutText(layout: KvCacheLayout): string {
  const { dtype, blockSize, numKvHeads, headSize, valueHeadSize, kScale, vScale } = layout;
  const { valueInKey, rotation } = layout;
  const scales = [kScale, vScale].map((scale) => (typeof scale === 'number' ? scale : [...scale]));
  const kind = [valueInKey && 'valueInKey', rotation].filter((fact) => fact !== undefined);
  return JSON.stringify([
    dtype,
    blockSize,
    numKvHeads,
    headSize,
    valueHeadSize,
    ...scales,
    ...kind,
  ]);
}

function partsOf(layout: KvCacheLayout): [keyof KvBlockBytes, readonly number[]][] {
  const { blockSize, numKvHeads, headSize, valueHeadSize, valueInKey, dtype } = layout;
  const rows = [blockSize, numKvHeads];
  const parts: [keyof KvBlockBytes, readonly number[]][] = [
    ['key', [...rows, codesPerRow(dtype, headSize)]],
    ['value', [...rows, codesPerRow(dtype, valueHeadSize)]],
    ['keyScales', rows],
    ['valueScales', rows],
  ];
  return parts.filter(
    ([part]) =>
      (hasTokenScales(dtype) || !part.endsWith('Scales')) &&
      !(valueInKey && part.startsWith('value')),
  );
}

function bytesOf(stored: string): number {
  return stored === 'F32' ? 4 : stored.endsWith('16') ? 2 : 1;
}

function storedName(dtype: KvCacheDtype): string {
  switch (dtype) {
    case 'float32':
      return 'F32';
    case 'float16':
      return 'F16';
    case 'bfloat16':
      return 'BF16';
    case 'fp8_e4m3':
    case 'fp8_per_token_head':
      return 'F8_E4M3';
    case 'fp8_e5m2':
      return 'F8_E5M2';
    case 'int8':
    case 'int8_per_token_head':
      return 'I8';
    case 'int4_per_token_head':
      return 'U8';
  }
}
