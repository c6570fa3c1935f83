import type { CudaNeeds } from './cuda.js';
import type { SetupOptions } from './options.js';
import { installArguments, type TfjsNode } from './tfjs_node.js';
import type { Tools } from './tools.js';
import { LIBRARIES } from './unpack.js';
import type { Wheel } from './wheel.js';

/** Everything that setup is about to do, before it does any of it. */
export interface Plan {
  tfjsNode: TfjsNode;
  wheel: Wheel;
  tools: Tools;
  cuda?: CudaNeeds;
}

/** The plan as lines of text. */
export function planText({ tfjsNode, wheel, tools, cuda }: Plan, { cache }: SetupOptions): string {
  const rows: [string, string][] = [];
  if (tfjsNode.version === undefined) {
    rows.push(['install', `npm ${installArguments(tfjsNode).join(' ')}`]);
  }
  const size = wheel.size === undefined ? 'size as pip shows it' : megabytes(wheel.size);
  const word = wheel.pinned ? 'known to this package' : "the index's word";
  rows.push(
    ['download', `${wheel.name} ${wheel.version}, ${size}, with ${tools.python} -m pip download`],
    ['', wheel.url],
    ['', `sha256 ${wheel.sha256} (${word})`],
    ['keep', `the wheel in ${cache}`],
    ['unpack', `${LIBRARIES.join(', ')} and C headers to ${tfjsNode.folder}/deps (about 0.9 GB)`],
    ['compile', `tfjs-node's binding with ${tools.compiler} and ${tools.nodeHeaders}`],
    ['verify', 'a matrix product in a fresh process'],
  );
  if (cuda !== undefined) {
    rows.push(['at run', `${cuda.release}: ${cuda.libraries.join(' ')}`]);
  }
  return rows.map(([what, text]) => `${what.padEnd(9)} ${text}\n`).join('');
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
