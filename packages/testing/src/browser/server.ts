// A static server on loopback whose pages may be cross-origin isolated.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export interface PageOptions {
  /** Send COOP and COEP, so that the page has SharedArrayBuffer. Default true. */
  isolated?: boolean;
  /** Content-Security-Policy of the page and its scripts. Default none. */
  csp?: string;
}

export interface StaticServer {
  url: string;
  close: () => void;
}

/**
 * Serves `mounts` (URL prefix → folder; the longest prefix that fits wins) on 127.0.0.1 at a free port.
 * '/' itself is an empty page unless a folder mounted at '/' holds an index.html.
 */
export async function serve(
  mounts: Record<string, string>,
  { isolated = true, csp }: PageOptions = {},
): Promise<StaticServer> {
  const headers = {
    ...(isolated ? ISOLATION : {}),
    ...(csp === undefined ? {} : { 'Content-Security-Policy': csp }),
  };
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    void readBelow(mounts, path).then((body) => {
      const missing = body === undefined;
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response.writeHead(missing ? 404 : 200, { ...headers, 'Content-Type': type }).end(body);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

function pathOf(url = '/'): string {
  const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
  return path === '/' ? '/index.html' : path;
}

async function readBelow(mounts: Record<string, string>, path: string) {
  const prefix = Object.keys(mounts)
    .filter((candidate) => path.startsWith(candidate))
    .sort((a, b) => b.length - a.length)[0];
  try {
    if (prefix === undefined) throw new Error('not mounted');
    return await readFile(join(mounts[prefix], path.slice(prefix.length)));
  } catch {
    return path === '/index.html' ? Buffer.from('<!doctype html><title>tests</title>') : undefined;
  }
}
