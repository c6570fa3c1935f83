// npm packages that we are compared with: installed on first use, apart from the repository's own.
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

/**
 * Loads a peer, installing it where the pinned version is not there. Each has a folder of its own: the two ONNX Runtimes
 * would else share one `onnxruntime-common`, whose list of backends lets the WebAssembly one answer for both.
 */
export async function requirePeer<T>(name: PeerPackage): Promise<T> {
  const folder = join(peersFolder(), name);
  if (installedVersion(folder, name) !== PEER_VERSIONS[name]) await install(folder, name);
  return createRequire(join(folder, 'package.json'))(name) as T;
}

async function install(folder: string, name: PeerPackage): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const wanted = `${name}@${PEER_VERSIONS[name]}`;
  process.stderr.write(`installing ${wanted} into ${folder}\n`);
  await npm(folder, ['install', '--no-audit', '--no-fund', '--loglevel=error', wanted]);
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
