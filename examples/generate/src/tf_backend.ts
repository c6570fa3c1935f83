import { engine, getBackend, setBackend } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tfjs-attention/backend-cpu';
import { UserError } from './user_error.js';

/** The tfjs backend that was taken, and what speaks for and against each. */
export interface BackendChoice {
  name: string;
  why: string;
  others: readonly { name: string; why: string }[];
}

/**
 * Activates a tfjs backend: the one asked for, or the one of highest priority that starts.
 *
 * @throws UserError where the one asked for is unknown or does not start: an explicit wish is never replaced.
 */
export async function chooseBackend(requested?: string): Promise<BackendChoice> {
  const names = namesByPriority();
  if (requested !== undefined) return takeRequested(requested, names);
  const failed: { name: string; why: string }[] = [];
  for (const [i, name] of names.entries()) {
    if (!(await setBackend(name))) {
      failed.push({ name, why: 'did not start' });
      continue;
    }
    const later = names.slice(i + 1).map((other) => ({
      name: other,
      why: behindText(other, name),
    }));
    const why = `highest priority (${priorityOf(name)}) of those that start`;
    return { name, why, others: [...failed, ...later] };
  }
  throw new UserError(`no tfjs backend starts: ${names.join(', ')} were tried`);
}

async function takeRequested(name: string, names: readonly string[]): Promise<BackendChoice> {
  if (!names.includes(name)) {
    throw new UserError(`--backend '${name}' is not registered; there are ${names.join(', ')}`);
  }
  const before = getBackend();
  if (!(await setBackend(name))) {
    if (before !== undefined) await setBackend(before);
    throw new UserError(`--backend '${name}' does not start on this machine`);
  }
  const others = names.filter((other) => other !== name);
  const why = `'${name}' was asked for`;
  return { name, why: 'asked for', others: others.map((other) => ({ name: other, why })) };
}

function behindText(other: string, name: string): string {
  const [lower, higher] = [priorityOf(other), priorityOf(name)];
  return lower < higher
    ? `lower priority (${lower} < ${higher})`
    : `same priority (${lower}), registered later`;
}

function namesByPriority(): string[] {
  const names = Object.keys(engine().registryFactory);
  return names.sort((a, b) => priorityOf(b) - priorityOf(a));
}

function priorityOf(name: string): number {
  return engine().registryFactory[name].priority;
}
