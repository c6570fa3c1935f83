import { env, io } from '@tensorflow/tfjs-core';
import { check } from '../findings.js';

/** A URL of a `model.json` or a `.keras` archive, the archive's bytes, or what `tf.loadLayersModel` takes. */
export type KerasModelSource = string | io.IOHandler | Uint8Array | ArrayBuffer;

/** What a source holds. */
export type Loaded =
  { kind: 'archive'; bytes: Uint8Array } | { kind: 'artifacts'; artifacts: io.ModelArtifacts };

export async function readSource(
  source: KerasModelSource,
  options: io.LoadOptions,
): Promise<Loaded> {
  if (source instanceof ArrayBuffer) return archive(new Uint8Array(source));
  if (source instanceof Uint8Array) return archive(source);
  if (typeof source === 'string' && /\.keras($|[?#])/i.test(source)) {
    return archive(await fetchBytes(source, options));
  }
  const handler = typeof source === 'string' ? handlerOf(source, options) : source;
  check(
    typeof handler?.load === 'function',
    () => 'a model is a URL, the bytes of a .keras archive, or an IOHandler with a method load',
  );
  const artifacts = await handler.load();
  check(
    typeof artifacts === 'object' && artifacts !== null && artifacts.modelTopology != null,
    () => 'the IOHandler loaded no modelTopology',
  );
  return { kind: 'artifacts', artifacts };
}

function archive(bytes: Uint8Array): Loaded {
  return { kind: 'archive', bytes };
}

function handlerOf(url: string, options: io.LoadOptions): io.IOHandler {
  const handlers = io.getLoadHandlers(url, options);
  check(handlers.length < 2, () => `${handlers.length} load handlers take '${url}'`);
  return handlers[0] ?? io.http(url, options);
}

async function fetchBytes(url: string, { requestInit, fetchFunc }: io.LoadOptions) {
  const fetch = fetchFunc ?? ((path, init) => env().platform.fetch(path as string, init));
  const response = await fetch(url, requestInit);
  check(response.ok, () => `${url} answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
