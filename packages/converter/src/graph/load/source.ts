import { io } from '@tensorflow/tfjs-core';
import { check } from '../topology/errors.js';

/** A URL, as `tf.loadGraphModel` takes it, or where a model comes from. */
export type ModelSource = string | io.IOHandler;

/** Artifacts whose weights are all there. */
export type WholeArtifacts = io.ModelArtifacts & { weightData: io.WeightData };

export function handlerOf(source: ModelSource, options: io.LoadOptions): io.IOHandler {
  if (typeof source !== 'string') {
    check(
      typeof source?.load === 'function',
      () => 'the model must be a URL or an IOHandler with a method load',
    );
    return source;
  }
  const handlers = io.getLoadHandlers(source, options);
  check(handlers.length < 2, () => `${handlers.length} load handlers take '${source}'`);
  return handlers[0] ?? io.http(source, options);
}

/** Loads everything; a stream of weights is read to its end, since constants are looked at. */
export async function loadWhole(handler: io.IOHandler): Promise<WholeArtifacts> {
  check(handler.load !== undefined, () => 'the IOHandler has no method load');
  const artifacts = await handler.load();
  check(typeof artifacts === 'object' && artifacts !== null, () => 'the IOHandler loaded nothing');
  const { getWeightStream, ...rest } = artifacts;
  if (rest.weightData !== undefined) return { ...rest, weightData: rest.weightData };
  if (getWeightStream !== undefined) {
    return { ...rest, weightData: await readAll(getWeightStream()) };
  }
  check(
    (rest.weightSpecs ?? []).length === 0,
    () =>
      `the model lists ${rest.weightSpecs?.length} weights and has no weight data: a shard was not loaded`,
  );
  return { ...rest, weightSpecs: [], weightData: new ArrayBuffer(0) };
}

async function readAll(stream: ReadableStream<ArrayBuffer>): Promise<ArrayBuffer[]> {
  const reader = stream.getReader();
  const parts: ArrayBuffer[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    parts.push(new Uint8Array(value).slice().buffer);
  }
}
