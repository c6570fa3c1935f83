import { UnsupportedError } from '../errors.js';
import type { AttentionBackend } from '../backends/abstract.js';
import { overrideOf } from '../backends/names.js';
import { STRATEGIES } from '../backends/registry.js';
import type { Precision } from '../problem/spec.js';
import { readName } from './request.js';

/** What {@link isAttnBackendSupported} found; `supported` where all three hold (vLLM `_IsSupported`). */
export class AttnBackendSupport {
  constructor(
    /** Whether there is such a class and a machine that runs it. */
    readonly canImport: boolean,
    readonly headSize: boolean,
    readonly dtype: boolean,
  ) {}

  get supported(): boolean {
    return this.canImport && this.headSize && this.dtype;
  }

  /** For `==` and arithmetic; an object is always true in an `if`, so ask `supported` there. */
  valueOf(): boolean {
    return this.supported;
  }
}

/**
 * Whether a strategy, by name or class, takes a head size and a dtype (vLLM `is_attn_backend_supported`). Only its facts
 * are looked at, no kernels.
 *
 * ```js
 * isAttnBackendSupported('FLASH_ATTN', 80, 'float32');  // {canImport: true, headSize: false, dtype: true}
 * ```
 *
 * @throws InvalidArgumentError for an unknown name; UnsupportedError for one that nothing here runs, with
 *   `allowImportError: false`.
 */
export function isAttnBackendSupported(
  attnBackend: string | typeof AttentionBackend,
  headSize: number,
  dtype: Precision,
  { allowImportError = true }: { allowImportError?: boolean } = {},
): AttnBackendSupport {
  const cls = typeof attnBackend === 'string' ? classOf(attnBackend) : attnBackend;
  const reason = cls === undefined ? 'nothing is registered under it' : cls.unreachable();
  if (cls === undefined || reason !== null) {
    if (allowImportError) return new AttnBackendSupport(false, false, false);
    throw new UnsupportedError(`isAttnBackendSupported: ${String(attnBackend)}`, [reason ?? '']);
  }
  return new AttnBackendSupport(true, cls.supportsHeadSize(headSize), cls.supportsDtype(dtype));
}

function classOf(text: string): typeof AttentionBackend | undefined {
  const name = readName('isAttnBackendSupported', text);
  return overrideOf(name) ?? STRATEGIES[name];
}
