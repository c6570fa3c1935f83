// The folder with node_api.h: N-API is the same for every Node, so any copy does.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** That of this Node, or of the npm package node-api-headers. */
export function nodeHeaders() {
  const own = join(dirname(process.execPath), '../include/node');
  if (existsSync(join(own, 'node_api.h'))) return own;
  return require('node-api-headers').include_dir;
}
