// A static server on loopback whose pages may be cross-origin isolated.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { text } from 'node:stream/consumers';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
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

export interface ServerOptions extends PageOptions {
  /** Default 0: a free one. */
  port?: number;
  /** Pages that lie in no folder, by their paths. */
  pages?: Readonly<Record<string, string>>;
  /** Takes what a page sends by POST. */
  onPost?: (body: string) => void;
}

export interface StaticServer {
  url: string;
  close: () => void;
}

/**
 * Serves `mounts` (URL prefix → folder; the longest prefix that fits wins) on 127.0.0.1.
 * '/' itself is an empty page unless a folder mounted at '/' holds an index.html.
 */
export async function serve(
  mounts: Record<string, string>,
  { isolated = true, csp, port = 0, pages = {}, onPost }: ServerOptions = {},
): Promise<StaticServer> {
  const headers = {
    ...(isolated ? ISOLATION : {}),
    ...(csp === undefined ? {} : { 'Content-Security-Policy': csp }),
  };
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    if (request.method === 'POST') {
      void text(request).then((body) => {
        response.writeHead(204, headers).end();
        onPost?.(body);
      });
      return;
    }
    void readBelow(mounts, path, pages).then((body) => {
      const missing = body === undefined;
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response.writeHead(missing ? 404 : 200, { ...headers, 'Content-Type': type }).end(body);
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

function pathOf(url = '/'): string {
  const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
  return path === '/' ? '/index.html' : path;
}

async function readBelow(
  mounts: Record<string, string>,
  path: string,
  pages: Readonly<Record<string, string>>,
): Promise<string | Buffer | undefined> {
  if (path in pages) return pages[path];
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
