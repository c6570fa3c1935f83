import { InvalidArgumentError } from '../errors.js';
import { readEnvironment, readFlag } from '../flags.js';
import { backendNamesText, isBackendName, type AttentionBackendEnum } from '../backends/names.js';

/** The flag of `tf.env()` and the variable of the environment that name a strategy. */
export const FLAG = 'TFJS_ATTENTION_BACKEND';
/** Old vLLM configurations mark its second engine; there is one here. */
const OLD_SUFFIX = '_VLLM_V1';

let forced: AttentionBackendEnum | null = null;

/**
 * Forces one strategy everywhere, over flag and environment; `null` takes the force back
 * (vLLM `global_force_attn_backend`). Seen by the next selection; nothing has to be cleared.
 *
 * @throws InvalidArgumentError for an unknown name; the message lists the names.
 */
export function globalForceAttnBackend(name: AttentionBackendEnum | null): void {
  forced = name === null ? null : readName('globalForceAttnBackend', name);
}

/** What {@link globalForceAttnBackend} set, or null. */
export function getGlobalForcedAttnBackend(): AttentionBackendEnum | null {
  return forced;
}

/**
 * Forces a strategy while `fn` runs (vLLM `global_force_attn_backend_context_manager`); what was forced before returns
 * when it ends or throws.
 *
 * @throws InvalidArgumentError for an unknown name, and where `fn` returns a promise: the force would be gone when it goes
 *   on.
 */
export function withForcedAttnBackend<T>(name: AttentionBackendEnum | null, fn: () => T): T {
  const before = forced;
  globalForceAttnBackend(name);
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new InvalidArgumentError(
        'withForcedAttnBackend: fn returned a promise, but the force is a synchronous scope; ' +
          'await outside it, or use globalForceAttnBackend before and after',
      );
    }
    return result;
  } finally {
    forced = before;
  }
}

/**
 * The strategy that the `tf.env()` flag `TFJS_ATTENTION_BACKEND` names, else the environment variable of that name; null
 * where neither does, or with 'auto'. vLLM's own variable is left to vLLM: one machine may serve both.
 *
 * @throws InvalidArgumentError for an unknown name.
 */
export function getEnvVariableAttnBackend(): AttentionBackendEnum | null {
  const name = String(readFlag(FLAG, () => '')) || (readEnvironment(FLAG) ?? '');
  return name === '' || name === 'auto' ? null : readName(FLAG, name);
}

/** The request in force: what is forced, else flag or environment; 'auto' where there is none. */
export function requestedBackend(): AttentionBackendEnum | 'auto' {
  return forced ?? getEnvVariableAttnBackend() ?? 'auto';
}

/** The name that a text stands for. */
export function readName(op: string, text: string): AttentionBackendEnum {
  const name =
    typeof text === 'string' && text.endsWith(OLD_SUFFIX)
      ? text.slice(0, -OLD_SUFFIX.length)
      : text;
  if (isBackendName(name)) return name;
  throw new InvalidArgumentError(
    `${op}: '${String(text)}' is no attention backend; valid names are ${backendNamesText()}`,
  );
}
