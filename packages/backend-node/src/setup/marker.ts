import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIBRARIES } from './unpack.js';
import type { WheelRequest } from './releases.js';
import type { Wheel } from './wheel.js';

/** Lies in `deps` of tfjs-node and says what those libraries are. */
const FILE = 'deps/tfjs-attention-setup.json';

export interface Marker {
  name: string;
  version: string;
  file: string;
  sha256: string;
}

export function writeMarker(tfjsNode: string, { name, version, file, sha256 }: Wheel): void {
  const marker: Marker = { name, version, file, sha256 };
  writeFileSync(join(tfjsNode, FILE), `${JSON.stringify(marker, null, 2)}\n`);
}

/** Whether an earlier run ended well with the wheel that is asked for now, and its files are still there. */
export function isSetUp(tfjsNode: string, { name, version }: WheelRequest): boolean {
  const files = [
    FILE,
    'lib/napi-v8/tfjs_binding.node',
    ...LIBRARIES.map((name) => `deps/lib/${name}`),
  ];
  if (!files.every((file) => existsSync(join(tfjsNode, file)))) return false;
  const marker = JSON.parse(readFileSync(join(tfjsNode, FILE), 'utf8')) as Marker;
  return marker.name === name && marker.version === version;
}
