import type { SpecGroup } from '../subject.js';
import { attentionBackends } from './attention_backends.js';
import { cacheBlocks } from './cache_blocks.js';
import { cacheLayouts } from './cache_layouts.js';
import { cacheMla } from './cache_mla.js';
import { cacheTokens } from './cache_tokens.js';
import { cascade } from './cascade.js';
import { contextPrefill } from './context_prefill.js';
import { cpuAttn } from './cpu_attn.js';
import { decodeAttention } from './decode_attention.js';
import { flashmla } from './flashmla.js';
import { fp8RoundTrip } from './fp8_round_trip.js';
import { indexer } from './indexer.js';
import { merge } from './merge.js';
import { mlaDecodeCpu } from './mla_decode_cpu.js';
import { packUnpack } from './pack_unpack.js';
import { pagedAttentionGrid } from './paged_attention.js';
import { prefillAttention } from './prefill_attention.js';
import { prefixPrefill } from './prefix_prefill.js';
import { tree } from './tree.js';
import { unifiedAttention } from './unified_attention.js';

/**
 * The grids of vLLM's own attention tests, judged by this suite's oracle and tolerance. Every two values of different
 * parameters meet, at lengths that a plain CPU can run; `full` adds the lengths that vLLM has, judged at some tokens. Every
 * `step`th case is taken.
 */
export function upstreamGroups(full: boolean, step: number): SpecGroup[] {
  const groups: SpecGroup[] = [
    { name: "vLLM's cpu_attn grid", specs: cpuAttn(full) },
    { name: "vLLM's unified_attention grid", specs: unifiedAttention(full) },
    { name: "vLLM's prefill grids", specs: prefillAttention(full) },
    { name: "vLLM's prefix_prefill grid", specs: prefixPrefill(full) },
    { name: "vLLM's context prefill ops", specs: contextPrefill() },
    { name: "vLLM's paged_attention grid", specs: pagedAttentionGrid(full) },
    { name: "vLLM's decode_attention grid", specs: decodeAttention(full) },
    { name: "vLLM's pack_unpack grid", specs: packUnpack() },
    {
      name: "vLLM's cache grid",
      specs: [...cacheTokens(full), ...cacheBlocks(full), ...fp8RoundTrip(full)],
    },
    { name: "vLLM's latent caches", specs: cacheMla() },
    { name: "vLLM's block layouts", specs: cacheLayouts() },
    { name: "vLLM's flashmla grids", specs: flashmla() },
    { name: "vLLM's indexer grid", specs: indexer() },
    { name: "vLLM's merge_attn_states grid", specs: merge(full) },
    { name: "vLLM's cascade grid", specs: cascade(full) },
    { name: "vLLM's tree grid", specs: tree(full) },
    { name: "vLLM's batch specs", specs: attentionBackends(full) },
    { name: "vLLM's mla_decode_cpu grid", specs: mlaDecodeCpu(full) },
  ];
  return groups.map(({ name, specs }) => ({ name, specs: specs.filter((_, n) => n % step === 0) }));
}
