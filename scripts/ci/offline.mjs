import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from '../lib/inputs.mjs';
import { root } from '../lib/root.mjs';
import { publicPackages } from '../lib/workspaces.mjs';

const NETWORK =
  /\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b|['"]node:(https?|net|dgram|tls|dns)['"]/g;

/** What may load something, from the address that its caller names: `setWasmUrl` and `kerasModel`. */
const ALLOWED = [
  'packages/backend-cpu/src/module/source.ts',
  'packages/converter/src/keras/source/read.ts',
];

/** The libraries reach no network by themselves. */
export function check() {
  const found = publicPackages()
    .flatMap(({ folder }) => filesBelow(`${folder}/src`, /(?<!\.test|\.browser)\.ts$/))
    .filter((file) => !ALLOWED.includes(file))
    .flatMap((file) =>
      withoutComments(readFileSync(join(root, file), 'utf8'))
        .split('\n')
        .flatMap((text, index) =>
          text.match(NETWORK) ? [`${file}:${index + 1}: ${text.trim()}`] : [],
        ),
    );
  if (found.length > 0) throw new Error(`network access in a library:\n${found.join('\n')}`);
}

const withoutComments = (source) =>
  source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/.*$/gm, '');
