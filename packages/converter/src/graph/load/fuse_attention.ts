import type { io } from '@tensorflow/tfjs-core';
import type { Preference } from '../program/program.js';
import { fuseTopology } from '../rewrite/fuse_topology.js';
import type { FusionReport } from '../rewrite/report.js';
import { registerFusedAttention } from '../runtime/register.js';
import { check } from '../topology/errors.js';
import { handlerOf, loadWhole, type ModelSource, type WholeArtifacts } from './source.js';
import { verifyFusion, type VerifyOptions } from './verify.js';

export interface FuseOptions {
  /**
   * 'auto' (default): the fused node takes whichever is faster where it runs, core's attention or the ops that it replaced.
   * 'fused' and 'stock' insist on one of them.
   */
  prefer?: Preference;
  /**
   * Runs the model with and without each fusion on random inputs and undoes a fusion whose outputs differ. Default false.
   * An object sets inputs and tolerance.
   */
  verify?: boolean | VerifyOptions;
  /** Called with the report of each load. */
  onReport?: (report: FusionReport) => void;
  /** For a URL: what `tf.loadGraphModel` takes, such as `requestInit`. */
  load?: io.LoadOptions;
}

/** An IOHandler for `tf.loadGraphModel`; `report` is there after loading. */
export interface FusedModelHandler extends io.IOHandler {
  load(): Promise<io.ModelArtifacts>;
  readonly report: FusionReport | undefined;
}

/**
 * Replaces attention in a TensorFlow.js graph model while it is loaded: every softmax(q k) v that is found in the main graph
 * and in functions becomes one node that calls core's `flashAttention`. Inputs, outputs, names and signature stay.
 *
 * ```js
 * const handler = fuseAttention('https://example.org/bert/model.json');
 * const model = await tf.loadGraphModel(handler);
 * handler.report.fused.length;  // 12; a model without attention loads as it is, with an empty list
 * ```
 *
 * @throws InvalidArgumentError (from `load`) for a topology or weights that do not hold together; nothing is changed.
 */
export function fuseAttention(source: ModelSource, options: FuseOptions = {}): FusedModelHandler {
  const inner = handlerOf(source, options.load ?? {});
  let report: FusionReport | undefined;
  return {
    get report() {
      return report;
    },
    async load() {
      const fused = await fuseArtifacts(await loadWhole(inner), options);
      report = fused.report;
      options.onReport?.(report);
      return fused.artifacts;
    },
  };
}

/**
 * The same for artifacts that are already in memory. They are not changed; weights are shared with the result.
 *
 * @throws InvalidArgumentError as `fuseAttention`.
 */
export async function fuseArtifacts(
  artifacts: WholeArtifacts,
  options: FuseOptions = {},
): Promise<{ artifacts: io.ModelArtifacts; report: FusionReport }> {
  const { prefer = 'auto', verify = false } = options;
  check(
    ['auto', 'fused', 'stock'].includes(prefer),
    () => `prefer must be 'auto', 'fused' or 'stock', got '${String(prefer)}'`,
  );
  registerFusedAttention();
  const veto =
    verify === false ? undefined : await verifyFusion(artifacts, verify === true ? {} : verify);
  const { topology, report } = fuseTopology(artifacts, prefer, veto);
  return { artifacts: { ...artifacts, modelTopology: topology }, report };
}
