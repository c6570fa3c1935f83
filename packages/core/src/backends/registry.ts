import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import type { AttentionBackend } from './abstract.js';
import {
  backendNamesText,
  isBackendName,
  overrideOf,
  setOverride,
  type AttentionBackendEnum,
} from './names.js';
import {
  CutlassMLABackend,
  FlashAttnMLABackend,
  FlashInferMLABackend,
  FlashMLABackend,
  TritonMLABackend,
} from './mla/backends.js';
import { FlashMLASparseBackend } from './mla/sparse_backends.js';
import { FlashAttentionBackend } from './strategies/flash_attn.js';
import { FlashInferBackend } from './strategies/flashinfer.js';
import { FlexAttentionBackend } from './strategies/flex_attention.js';
import { ComposedAttentionBackend, FusedAttentionBackend } from './strategies/generic.js';
import { TorchSDPABackend } from './strategies/torch_sdpa.js';
import { TreeAttentionBackend } from './strategies/tree_attn.js';
import { TritonAttentionBackend } from './strategies/triton_attn.js';
import { UNREACHABLE } from './strategies/unreachable.js';
import { XFormersAttentionBackend } from './strategies/xformers.js';

/** This library's own strategies (vLLM `BACKEND_MAP`); CUSTOM has none. */
export const STRATEGIES: Readonly<Record<string, typeof AttentionBackend>> = {
  FUSED: FusedAttentionBackend,
  COMPOSED: ComposedAttentionBackend,
  FLASH_ATTN: FlashAttentionBackend,
  TRITON_ATTN: TritonAttentionBackend,
  FLASHINFER: FlashInferBackend,
  FLEX_ATTENTION: FlexAttentionBackend,
  TREE_ATTN: TreeAttentionBackend,
  TORCH_SDPA: TorchSDPABackend,
  XFORMERS: XFormersAttentionBackend,
  FLASH_ATTN_MLA: FlashAttnMLABackend,
  FLASHINFER_MLA: FlashInferMLABackend,
  FLASHMLA: FlashMLABackend,
  FLASHMLA_SPARSE: FlashMLASparseBackend,
  CUTLASS_MLA: CutlassMLABackend,
  TRITON_MLA: TritonMLABackend,
  ...UNREACHABLE,
};

/** The member of {@link AttentionBackendEnum} of that name, or null. */
export function backendNameToEnum(name: string): AttentionBackendEnum | null {
  return isBackendName(name) ? name : null;
}

/**
 * The class that a name stands for now: the registered one, else this library's.
 *
 * @throws InvalidArgumentError that lists the names; UnsupportedError for CUSTOM with nothing registered.
 */
export function backendToClass(name: AttentionBackendEnum): typeof AttentionBackend {
  const found = overrideOf(checkName('backendToClass', name)) ?? STRATEGIES[name];
  if (found === undefined) {
    throw new UnsupportedError(`backendToClass: ${name}`, [
      `nothing is registered under it; call registerBackend('${name}', YourBackend) first`,
    ]);
  }
  return found;
}

/** Module and name of {@link backendToClass}'s class, joined by a dot. */
export function backendToClassStr(name: AttentionBackendEnum): string {
  return backendToClass(name).fullClsName().join('.');
}

/**
 * Registers a strategy over a name, CUSTOM or one of ours; whatever was chosen before is chosen anew.
 *
 * ```js
 * registerBackend('CUSTOM', class extends FlashAttentionBackend {
 *   static getName() { return 'CUSTOM'; }
 * });
 * ```
 *
 * @throws InvalidArgumentError for a name that is none (the message lists them) or something that is no strategy.
 */
export function registerBackend(name: AttentionBackendEnum, cls: typeof AttentionBackend): void {
  checkName('registerBackend', name);
  if (typeof cls !== 'function' || typeof cls.validateConfiguration !== 'function') {
    throw new InvalidArgumentError(
      `registerBackend: ${name} needs a class that extends AttentionBackend, got ${typeof cls}`,
    );
  }
  setOverride(name, cls);
}

/**
 * The same as a class decorator (vLLM `register_attn_backend`): `registerAttnBackend('CUSTOM')(MyBackend)`. With
 * `instead`, that class is registered, not the decorated one.
 */
export function registerAttnBackend(
  name: AttentionBackendEnum,
  instead?: typeof AttentionBackend,
): <C extends typeof AttentionBackend>(cls: C) => C {
  checkName('registerAttnBackend', name);
  return (cls) => {
    registerBackend(name, instead ?? cls);
    return cls;
  };
}

/** Whether a class was registered over a name. */
export function isOverridden(name: AttentionBackendEnum): boolean {
  return overrideOf(checkName('isOverridden', name)) !== undefined;
}

/** Gives a name back to this library's strategy. */
export function clearOverride(name: AttentionBackendEnum): void {
  setOverride(checkName('clearOverride', name), null);
}

function checkName(op: string, name: string): AttentionBackendEnum {
  if (isBackendName(name)) return name;
  throw new InvalidArgumentError(
    `${op}: '${String(name)}' is no attention backend; valid names are ${backendNamesText()}`,
  );
}
