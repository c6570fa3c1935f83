// npm packages that we are compared with: installed on first use, in a folder of their own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { peersFolder } from '../places.js';

/** Exact versions, so that a ratio means the same thing a year later. */
export const PEER_VERSIONS = {
  'onnxruntime-node': '1.30.0',
  'onnxruntime-web': '1.30.0',
} as const;

export type PeerPackage = keyof typeof PEER_VERSIONS;

/** Installs the packages that are not there in the pinned version. */
export async function installPeers(names: readonly PeerPackage[]): Promise<void> {
  const folder = peersFolder();
  const missing = names.filter((name) => installedVersion(folder, name) !== PEER_VERSIONS[name]);
  if (missing.length === 0) return;
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const wanted = missing.map((name) => `${name}@${PEER_VERSIONS[name]}`);
  process.stderr.write(`installing peers into ${folder}: ${wanted.join(', ')}\n`);
  await npm(folder, ['install', '--no-audit', '--no-fund', '--loglevel=error', ...wanted]);
}

/** Loads an installed peer; peers are CommonJS. */
export function requirePeer<T>(name: PeerPackage): T {
  return createRequire(join(peersFolder(), 'package.json'))(name) as T;
}

function installedVersion(folder: string, name: PeerPackage): string | undefined {
  const manifest = join(folder, 'node_modules', name, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

function npm(cwd: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd,
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip' },
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ${args[0]} ended with ${code}`)),
    );
  });
}
