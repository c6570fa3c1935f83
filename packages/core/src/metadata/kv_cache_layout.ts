import { InvalidArgumentError } from '../errors.js';
import { readEnvironment, readFlag } from '../flags.js';

/** Order of tokens and heads inside a block. */
export type KvCacheLayoutName = 'NHD' | 'HND';

/** As a tfjs flag, or in the environment of a Node process. */
const FLAG = 'TFJS_ATTENTION_KV_CACHE_LAYOUT';

let layout: KvCacheLayoutName | null = null;
let required: KvCacheLayoutName | null = null;

export function isValidKvCacheLayout(value: unknown): value is KvCacheLayoutName {
  return value === 'NHD' || value === 'HND';
}

/**
 * The layout that strategies describe their caches in (vLLM `get_kv_cache_layout`): what {@link setKvCacheLayout} set, else
 * the flag or environment variable `TFJS_ATTENTION_KV_CACHE_LAYOUT`, else what a connector requires, else 'NHD'.
 *
 * @throws InvalidArgumentError where flag or environment name no layout.
 */
export function getKvCacheLayout(): KvCacheLayoutName {
  if (layout !== null) return layout;
  const flag = String(readFlag(FLAG, () => readEnvironment(FLAG) ?? ''));
  if (flag !== '') return checkLayout(FLAG, flag);
  return required ?? 'NHD';
}

/** Sets it over everything else; null takes it back. */
export function setKvCacheLayout(value: KvCacheLayoutName | null): void {
  layout = value === null ? null : checkLayout('setKvCacheLayout', value);
}

/** What the connector that moves keys to other processes requires; null: it takes either. */
export function setConnectorKvCacheLayout(value: KvCacheLayoutName | null): void {
  required = value === null ? null : checkLayout('setConnectorKvCacheLayout', value);
}

function checkLayout(op: string, value: unknown): KvCacheLayoutName {
  if (isValidKvCacheLayout(value)) return value;
  throw new InvalidArgumentError(`${op}: '${String(value)}' is not one of NHD, HND`);
}
