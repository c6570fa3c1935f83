// The page's server: what lies where, and the headers of docs/deployment.md.
import { serve, type StaticServer } from '@tfjs-attention/testing/browser/server';

/** Scripts of this server alone, WebAssembly, and nothing from anywhere else. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export interface SiteFolders {
  /** The built page. */
  page: string;
  /** The checkpoint. */
  model: string;
  /** The WebAssembly files of tfjs-backend-wasm. */
  tfjsWasm: string;
}

/** Serves the page on loopback, cross-origin isolated. */
export function serveSite(
  { page, model, tfjsWasm }: SiteFolders,
  port?: number,
): Promise<StaticServer> {
  const mounts = { '/': page, '/model/': model, '/tfjs-wasm/': tfjsWasm };
  return serve(mounts, { csp: POLICY, port });
}
