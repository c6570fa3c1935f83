import type { io } from '@tensorflow/tfjs-core';
import { registerKerasLayers } from '@tfjs-attention/layers';
import { check, Findings } from './findings.js';
import { openArchive } from './source/archive.js';
import { readSource, type KerasModelSource } from './source/read.js';
import { convertModel, type ConvertedModel } from './topology/models.js';
import { readTopology } from './topology/read.js';
import { weightsFromArchive } from './weights/from_archive.js';
import { weightsFromManifest } from './weights/from_manifest.js';

export interface KerasModelOptions {
  /** For a URL: what `tf.loadLayersModel` takes, such as `requestInit`. */
  load?: io.LoadOptions;
}

/**
 * An IOHandler for `tf.loadLayersModel` that makes models of Keras 2 and Keras 3 loadable: attention layers become those of
 * `@tfjs-attention/layers` (which it registers), tensors in call arguments become inputs, Keras 3's JSON becomes what tfjs
 * reads. `source` is the URL of a `model.json` or a `.keras` archive, the archive's bytes, or an IOHandler; its objects stay
 * as they are. Archives need the packages fflate and jsfive.
 *
 * ```js
 * const model = await tf.loadLayersModel(kerasModel('https://example.org/translator.keras'));
 * await tf.loadLayersModel(kerasModel(bytesOfAModelWithALambda));
 * // UnsupportedError: ... one thing in this model cannot be loaded: layer 'scale' (Lambda) holds Python code
 * ```
 *
 * @throws while loading: UnsupportedError with all reasons why tfjs cannot hold the model; InvalidArgumentError for a document
 *   that is no model, references that lead nowhere or in a circle, missing weights.
 */
export function kerasModel(
  source: KerasModelSource,
  options: KerasModelOptions = {},
): KerasModelHandler {
  return {
    async load() {
      registerKerasLayers();
      const loaded = await readSource(source, options.load ?? {});
      return loaded.kind === 'archive'
        ? fromArchive(loaded.bytes)
        : fromArtifacts(loaded.artifacts);
    },
  };
}

/** What {@link kerasModel} returns. */
export interface KerasModelHandler extends io.IOHandler {
  load(): Promise<io.ModelArtifacts>;
}

async function fromArchive(bytes: Uint8Array): Promise<io.ModelArtifacts> {
  const { config, weights } = await openArchive(bytes);
  const findings = new Findings();
  const model = convert(config, findings);
  return {
    ...describe(model),
    ...weightsFromArchive(model.layers, weights, findings),
  };
}

async function fromArtifacts(artifacts: io.ModelArtifacts): Promise<io.ModelArtifacts> {
  const findings = new Findings();
  const model = convert(artifacts.modelTopology, findings);
  findings.throwIfAny();
  const { getWeightStream, weightSpecs, trainingConfig, userDefinedMetadata } = artifacts;
  const data = artifacts.weightData ?? (getWeightStream && (await readAll(getWeightStream())));
  check(
    data !== undefined || weightSpecs === undefined || weightSpecs.length === 0,
    () => `the model lists ${weightSpecs?.length} weights and has no weight data`,
  );
  return {
    ...describe(model),
    ...(trainingConfig && { trainingConfig }),
    ...(userDefinedMetadata && { userDefinedMetadata }),
    ...(data && weightSpecs && weightsFromManifest(model, weightSpecs, data)),
  };
}

function convert(document: unknown, findings: Findings): ConvertedModel {
  const { root, keras3 } = readTopology(document);
  const model = convertModel(root, keras3, findings);
  const seen = new Set<string>();
  for (const { name, className } of model.layers) {
    if (seen.has(name) && className !== 'InputLayer') {
      findings.add(
        `layer '${name}' (${className})`,
        'has the name of a layer in another model of this one, and tfjs needs different names',
      );
    }
    seen.add(name);
  }
  return model;
}

function describe({ topology }: ConvertedModel): io.ModelArtifacts {
  return { modelTopology: topology, format: 'layers-model', generatedBy: 'keras' };
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
