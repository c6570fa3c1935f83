import { backend } from '@tensorflow/tfjs-core';
import type { AttentionSpec } from '@tfjs-attention/core/provider';
import { attentionPipelines } from './calls/attention_pipelines.js';
import { Device } from './device/device.js';
import type { AttentionStage } from './shaders/variant.js';

/** How far a warm-up is. */
export interface WarmupProgress {
  /** Pipelines that are compiled, and all that were asked for. */
  readonly done: number;
  readonly total: number;
}

const STAGES: readonly AttentionStage[] = ['direct', 'split', 'finish'];

/**
 * Compiles the pipelines of specs on the active tfjs backend without holding the page up, so that no call of theirs has
 * to. A prefill spec is compiled for many query rows a sequence; a call with few takes other tiles, compiled at its first.
 *
 * ```js
 * await warmup([prefill, decode], ({ done, total }) => (bar.value = done / total));
 * ```
 *
 * @throws UnsupportedError where the device is below what WebGPU promises; an error of the device's compiler.
 */
export async function warmup(
  specs: AttentionSpec | readonly AttentionSpec[],
  onProgress?: (progress: WarmupProgress) => void,
): Promise<void> {
  const device = Device.of('warmup', backend());
  const all = [specs].flat().flatMap((spec) => {
    const maxRows = spec.phase === 'decode' ? spec.queriesPerKv : Infinity;
    const pipelines = attentionPipelines(device, spec, maxRows, false);
    const stages = STAGES.filter((stage) => stage !== 'direct' || pipelines.operands.direct);
    return stages.map((stage) => () => pipelines.prepare(stage));
  });
  let done = 0;
  const total = all.length;
  await Promise.all(
    all.map(async (prepare) => {
      await prepare();
      done++;
      onProgress?.({ done, total });
    }),
  );
}
