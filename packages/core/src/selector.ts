import { getBackend } from '@tensorflow/tfjs-core';
import type { AttentionBackend } from './backends/abstract.js';
import { AttentionType } from './backends/attention_type.js';
import { overrideGeneration, type AttentionBackendEnum } from './backends/names.js';
import { backendToClass } from './backends/registry.js';
import {
  completeConfig,
  type AttnSelectorConfig,
  type CompleteSelectorConfig,
} from './backends/selector_config.js';
import { UnsupportedError } from './errors.js';
import { resolveKvCacheDtype } from './kv_cache/kv_cache.js';
import { checkInt } from './problem/checks.js';
import type { Feature } from './problem/params.js';
import type { AttentionSpec } from './problem/spec.js';
import { registryGeneration } from './registry.js';
import {
  chooseKernels,
  currentSite,
  gradientDepth,
  tellOnce,
  type Kernels,
} from './selector/kernels.js';
import { backendPriority } from './selector/priority.js';
import { requestedBackend } from './selector/request.js';

export type { AttnSelectorConfig } from './backends/selector_config.js';
export {
  getEnvVariableAttnBackend,
  getGlobalForcedAttnBackend,
  globalForceAttnBackend,
  withForcedAttnBackend,
  withForcedAttnBackend as globalForceAttnBackendContextManager,
} from './selector/request.js';
export { AttnBackendSupport, isAttnBackendSupported } from './selector/supported.js';

/** A strategy that was passed over, and why. */
export interface Rejection {
  name: string;
  reasons: readonly string[];
}

/** A choice that explains itself. */
export interface Selection {
  backend: typeof AttentionBackend;
  /** What serves it on the active tfjs backend. */
  kernels: Kernels;
  rejected: readonly Rejection[];
}

const OP = 'getAttnBackend';
const NO_KERNELS = 'no fused kernels serve it here (see FUSED)';
const selections = new Map<string, Selection>();
/** Of the registries, when these selections were made. Both counts only grow, and so does their sum. */
let generation = -1;

/** vLLM's order, or an object; what comes after `useSparse` follows vLLM's later versions. */
export type AttnSelectorArgs =
  | [config: AttnSelectorConfig]
  | [
      headSize: number,
      dtype?: AttnSelectorConfig['dtype'],
      kvCacheDtype?: AttnSelectorConfig['kvCacheDtype'],
      blockSize?: number | null,
      useMla?: boolean,
      hasSink?: boolean,
      useSparse?: boolean,
      useMmPrefix?: boolean,
      attnType?: AttentionType | null,
      hasSlidingWindow?: boolean,
    ];

/**
 * The strategy class for a model's attention on the active tfjs backend (vLLM `get_attn_backend`): what is forced or named
 * by flag or environment, if it has nothing against the problem; else the first of the backend's priority list that has
 * nothing against it and finds fused kernels, at last stock ops. Synchronous, pure and cached; never compiles.
 *
 * ```js
 * getAttnBackend(128, 'float32', 'auto', 16).getName();  // 'FLASH_ATTN' once a backend package is imported
 * getAttnBackend(8).getName();                           // 'FUSED': no vLLM strategy takes heads of 8
 * ```
 *
 * @throws InvalidArgumentError for a bad size or an unknown name (the message lists them); UnsupportedError, with reasons,
 *   where an explicit request cannot be met or nothing serves.
 */
export function getAttnBackend(...args: AttnSelectorArgs): typeof AttentionBackend {
  return explainAttnBackend(...args).backend;
}

/** As {@link getAttnBackend}, with the kernels behind it and the reasons against the others. */
export function explainAttnBackend(...args: AttnSelectorArgs): Selection {
  const config = configOf(args);
  const request = requestedBackend();
  dropOldSelections();
  const key = `${getBackend()} ${request} ${configKey(config)} ${gradientDepth()}`;
  const found = selections.get(key);
  if (found !== undefined) return found;
  const selection = select(completeConfig(OP, config), request);
  selections.set(key, selection);
  return selection;
}

/** Whatever was chosen holds until packages are announced or strategies registered. */
function dropOldSelections(): void {
  const now = registryGeneration() + overrideGeneration();
  if (now === generation) return;
  selections.clear();
  generation = now;
}

function configOf([first, ...rest]: AttnSelectorArgs): AttnSelectorConfig {
  if (typeof first === 'object') return first;
  const [dtype, kvCacheDtype, blockSize, useMla, hasSink, useSparse] = rest;
  const [, , , , , , useMmPrefix, attnType, hasSlidingWindow] = rest;
  return {
    headSize: first,
    ...{ dtype, kvCacheDtype, blockSize, useMla, hasSink, useSparse },
    ...{ useMmPrefix, attnType, hasSlidingWindow },
  };
}

/** The same text for the same problem, however its defaults are written. */
function configKey(config: AttnSelectorConfig): string {
  const { headSize, dtype, kvCacheDtype, blockSize, attnType } = config;
  // In a text '64' is 64.
  checkInt(headSize, OP, 'headSize', 1);
  const flags =
    bit(config.useMla, 0) +
    bit(config.hasSink, 1) +
    bit(config.useSparse, 2) +
    bit(config.useMmPrefix, 3) +
    bit(config.usePerHeadQuantScales, 4) +
    bit(config.hasSlidingWindow, 5) +
    bit(config.useNonCausal, 6) +
    bit(config.useBatchInvariant, 7) +
    bit(config.useKvConnector, 8) +
    bit(config.usePcp, 9) +
    bit(config.useAlibi, 10) +
    bit(config.useSoftCap, 11) +
    bit(config.useKvSharing, 12);
  return `${headSize} ${dtype ?? 'float32'} ${kvCacheDtype ?? 'auto'} ${blockSize ?? 'any'} ${attnType ?? AttentionType.DECODER} ${flags}`;
}

function bit(flag: boolean | undefined, position: number): number {
  return flag ? 1 << position : 0;
}

function select(config: CompleteSelectorConfig, request: AttentionBackendEnum | 'auto'): Selection {
  const spec = specOf(config);
  const site = currentSite();
  const rejected: Rejection[] = [];
  const names = request === 'auto' ? backendPriority(site.tfBackend, config.useMla) : [request];
  for (const name of names) {
    const backend = backendToClass(name);
    const reasons = backend.validateConfiguration(config);
    if (reasons.length === 0) {
      const strategy = backend.getKernelStrategy();
      const choice = chooseKernels(strategy, spec, site);
      const passedOver = request === 'auto' && strategy !== 'COMPOSED' && choice.reasons.length > 0;
      if (choice.kernels !== null && !passedOver) {
        // A named strategy of 'auto' kernels says why it is not served by fused ones.
        if (choice.reasons.length > 0) rejected.push({ name: 'FUSED', reasons: choice.reasons });
        return told({ backend, kernels: choice.kernels, rejected }, site.tfBackend);
      }
      reasons.push(...(strategy === 'FUSED' ? choice.reasons : [NO_KERNELS]));
    }
    rejected.push({ name, reasons });
  }
  throw new UnsupportedError(
    request === 'auto'
      ? `${OP}: no attention backend serves this on tfjs backend '${site.tfBackend}'`
      : `${OP}: selected backend ${request} is not valid for this configuration on tfjs backend '${site.tfBackend}'`,
    rejected.map(({ name, reasons }) => `${name}: ${reasons.join(', ')}`),
  );
}

/** Says once that stock ops serve because kernels could not. */
function told(selection: Selection, tfBackend: string): Selection {
  const { backend, kernels, rejected } = selection;
  const reason = rejected.find(({ name }) => name === 'FUSED');
  if (kernels === 'COMPOSED' && reason !== undefined) {
    tellOnce(
      `${backend.getName()} serves tfjs backend '${tfBackend}' by stock ops, because FUSED cannot: ${reason.reasons.join(', ')}`,
    );
  }
  return selection;
}

/** The problem that kernels are asked about: a causal prefill with what the config has. */
function specOf(config: CompleteSelectorConfig): AttentionSpec {
  const { headSize, useMla, blockSize, kvCacheDtype, dtype } = config;
  const features: Feature[] = [];
  if (config.useAlibi) features.push('alibi');
  if (config.useMmPrefix) features.push('mmPrefix');
  if (config.hasSink) features.push('sinks');
  if (config.useSoftCap) features.push('softcap');
  if (config.hasSlidingWindow) features.push('window');
  return {
    phase: 'prefill',
    headSize,
    valueHeadSize: useMla && headSize === 576 ? 512 : headSize,
    queriesPerKv: 1,
    kv:
      blockSize === null
        ? { kind: 'dense', order: 'bsnh' }
        : { kind: 'paged', blockSize, ...(useMla && { valueInKey: true as const }) },
    kvDtype: resolveKvCacheDtype(OP, kvCacheDtype),
    features,
    returnLse: false,
    precision: dtype,
  };
}
