import { engine, env, getBackend } from '@tensorflow/tfjs-core';
import { isBackendName, kernelStrategyOf, type KernelStrategy } from '../backends/names.js';
import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import { canTrain } from '../kernels.js';
import type { Implementation } from '../problem/options.js';
import { specKey, type AttentionSpec } from '../problem/spec.js';
import { providerFor, registryGeneration } from '../registry.js';
import { requestedBackend } from './request.js';

/** What runs an op. */
export type Kernels = 'FUSED' | 'COMPOSED';

/** Where an op is asked to run. */
export interface KernelSite {
  /** tf.getBackend() */
  tfBackend: string;
  /** Gradient tapes that record, one inside the other; 2 stands for more. */
  gradientDepth: 0 | 1 | 2;
}

/** A choice of kernels that explains itself. */
export interface KernelChoice {
  kernels: Kernels;
  /** Why fused kernels were passed over; empty where they serve or were not asked for. */
  reasons: readonly string[];
}

const choices = new Map<string, KernelChoice>();
const told = new Set<string>();

/** Where the caller is. */
export function currentSite(): KernelSite {
  return { tfBackend: getBackend(), gradientDepth: gradientDepth() };
}

export function gradientDepth(): KernelSite['gradientDepth'] {
  const depth = engine().state.gradientDepth;
  return depth === 0 || depth === 1 ? depth : 2;
}

/** Reasons against fused kernels for a spec at a site; empty = they serve. */
export function reasonsAgainstFused(
  spec: AttentionSpec,
  { tfBackend, gradientDepth }: KernelSite,
): string[] {
  const provider = providerFor(tfBackend);
  if (provider === undefined) {
    return [
      `no attention package is loaded for tfjs backend '${tfBackend}' (import e.g. @tfjs-attention/backend-cpu)`,
    ];
  }
  const reasons = [...provider.rejects(spec)];
  if (gradientDepth > 0 || spec.features.includes('dropout')) {
    if (!canTrain(tfBackend)) {
      reasons.push(`the kernels for '${tfBackend}' have neither gradient nor dropout yet`);
    } else if (gradientDepth > 0 && spec.kv.kind === 'paged') {
      reasons.push(
        'a gradient tape is recording and attention over a cache has no backward kernel',
      );
    } else if (gradientDepth > 1) {
      reasons.push(
        'one gradient tape records inside another and the backward kernel has no gradient',
      );
    }
  }
  return reasons;
}

/** The kernels that a strategy takes; reasons alone where it insists on fused ones in vain. */
export function chooseKernels(
  strategy: KernelStrategy,
  spec: AttentionSpec,
  site: KernelSite,
): { kernels: Kernels | null; reasons: string[] } {
  if (strategy === 'COMPOSED') return { kernels: 'COMPOSED', reasons: [] };
  const reasons = reasonsAgainstFused(spec, site);
  if (reasons.length === 0) return { kernels: 'FUSED', reasons };
  return { kernels: strategy === 'FUSED' ? null : 'COMPOSED', reasons };
}

/**
 * The kernels of one op call: as its `implementation` asks, else as the strategy in force has it, else fused ones where
 * they take the spec. An explicit request that cannot be met throws with the reasons.
 */
export function selectKernels(
  op: string,
  spec: AttentionSpec,
  implementation: Implementation = 'auto',
): KernelChoice {
  const strategy = implementation === 'auto' ? strategyInForce() : readStrategy(op, implementation);
  const site = currentSite();
  const key = [
    registryGeneration(),
    site.tfBackend,
    strategy,
    site.gradientDepth,
    specKey(spec),
  ].join('|');
  const found = choices.get(key);
  if (found !== undefined) return found;

  const { kernels, reasons } = chooseKernels(strategy, spec, site);
  if (kernels === null) {
    throw new UnsupportedError(
      `${op}: no attention backend takes ${specKey(spec)} on tfjs backend '${site.tfBackend}'`,
      [`FUSED: ${reasons.join(', ')}`],
    );
  }
  const choice = { kernels, reasons };
  choices.set(key, choice);
  if (kernels === 'COMPOSED' && reasons.length > 0) {
    tellOnce(`COMPOSED serves tfjs backend '${site.tfBackend}', because FUSED cannot: ${reasons.join(', ')}`); // prettier-ignore
  }
  return choice;
}

function strategyInForce(): KernelStrategy {
  const request = requestedBackend();
  return request === 'auto' ? 'auto' : kernelStrategyOf(request);
}

function readStrategy(op: string, implementation: Implementation): KernelStrategy {
  if (implementation === 'FUSED' || implementation === 'COMPOSED') return implementation;
  throw new InvalidArgumentError(
    `${op}: implementation '${String(implementation)}' is not one of auto, FUSED, COMPOSED` +
      (isBackendName(implementation)
        ? '; it names a strategy: give it to a layer, to globalForceAttnBackend or to getAttnBackend'
        : ''),
  );
}

/** The one message that a silent fallback owes its user. */
export function tellOnce(message: string): void {
  if (told.has(message)) return;
  told.add(message);
  // eslint-disable-next-line no-console -- see above
  if (!env().getBool('IS_TEST')) console.warn(`tfjs-attention: ${message}`);
}
