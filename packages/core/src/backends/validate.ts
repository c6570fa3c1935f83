import type { AttentionBackend } from './abstract.js';
import { blockSizesText } from './multiple_of.js';
import type { CompleteSelectorConfig } from './selector_config.js';

type Facts = typeof AttentionBackend;

/** One fact: what a config asks, whether a strategy has it, the reason if not. */
type Fact = (facts: Facts, config: CompleteSelectorConfig) => string | null;

/** `name` not supported, where a config asks for something that a strategy lacks. */
const lacking =
  (
    asks: (config: CompleteSelectorConfig) => boolean,
    has: (facts: Facts) => boolean,
    name: string,
  ) =>
  (facts: Facts, config: CompleteSelectorConfig): string | null =>
    asks(config) && !has(facts) ? `${name} not supported` : null;

/** In vLLM's order, then what only this library asks. */
const FACTS: readonly Fact[] = [
  (facts, { headSize }) =>
    facts.supportsHeadSize(headSize)
      ? null
      : `head_size not supported: ${headSize}, ${facts.headSizesText()}`,
  (facts, { dtype }) =>
    facts.supportsDtype(dtype)
      ? null
      : `dtype not supported: ${dtype} is not one of ${facts.getSupportedDtypes().join(', ')}`,
  (facts, { kvCacheDtype }) =>
    facts.supportsKvCacheDtype(kvCacheDtype)
      ? null
      : `kv_cache_dtype not supported: ${kvCacheDtype} is not one of ${facts.getSupportedKvCacheDtypes().join(', ')}`,
  (facts, { blockSize }) =>
    facts.supportsBlockSize(blockSize)
      ? null
      : `block_size not supported: ${blockSize} is not ${blockSizesText(facts.getSupportedKernelBlockSize())}`,
  lacking(
    ({ useMmPrefix }) => useMmPrefix,
    (facts) => facts.supportsMmPrefix(),
    'partial multimodal token full attention',
  ),
  lacking(
    ({ useMla }) => useMla,
    (facts) => facts.supportsMla(),
    'MLA',
  ),
  lacking(
    ({ useMla }) => !useMla,
    (facts) => !facts.isMla(),
    'non-MLA',
  ),
  lacking(
    ({ hasSink }) => hasSink,
    (facts) => facts.supportsSink(),
    'attention sinks',
  ),
  lacking(
    ({ useSparse }) => useSparse,
    (facts) => facts.isSparse(),
    'sparse',
  ),
  lacking(
    ({ useSparse }) => !useSparse,
    (facts) => !facts.isSparse(),
    'non-sparse',
  ),
  lacking(
    ({ usePerHeadQuantScales }) => usePerHeadQuantScales,
    (facts) => facts.supportsPerHeadQuantScales(),
    'per-head quant scales',
  ),
  (facts) =>
    facts.supportsComputeCapability()
      ? null
      : `compute capability not supported: ${facts.unreachable() ?? 'no device here has it'}`,
  (facts, { attnType }) =>
    facts.supportsAttnType(attnType) ? null : `attention type ${attnType} not supported`,
  lacking(
    ({ hasSlidingWindow }) => hasSlidingWindow,
    (facts) => facts.supportsSlidingWindow(),
    'sliding window',
  ),
  lacking(
    ({ useNonCausal }) => useNonCausal,
    (facts) => facts.supportsNonCausal(),
    'non-causal attention',
  ),
  lacking(
    ({ useBatchInvariant }) => useBatchInvariant,
    (facts) => facts.supportsBatchInvariance(),
    'batch invariance',
  ),
  lacking(
    ({ useKvConnector }) => useKvConnector,
    (facts) => facts.supportsKvConnector(),
    'KV connector',
  ),
  lacking(
    ({ usePcp }) => usePcp,
    (facts) => facts.supportsPcp(),
    'PCP',
  ),
  lacking(
    ({ useAlibi }) => useAlibi,
    (facts) => facts.supportsAlibi(),
    'ALiBi',
  ),
  lacking(
    ({ useSoftCap }) => useSoftCap,
    (facts) => facts.supportsSoftCap(),
    'logits soft cap',
  ),
  lacking(
    ({ useKvSharing }) => useKvSharing,
    (facts) => facts.supportsKvSharing(),
    'KV sharing',
  ),
  (facts, config) => facts.supportsCombination(config),
];

/** Every reason against a config, in a fixed order. */
export function reasonsAgainst(facts: Facts, config: CompleteSelectorConfig): string[] {
  return FACTS.map((fact) => fact(facts, config)).filter((reason) => reason !== null);
}
