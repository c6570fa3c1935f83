import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl } from '../backends/impl.js';
import type { AttnSelectorConfig } from '../backends/selector_config.js';
import type { TopkIndexer } from '../backends/mla_impl.js';
import type { MLAAttentionConfig } from './mla_config.js';
import { StrategyChoice, type Chooser } from './strategy_choice.js';

/** What the choice is made for. */
export interface MlaChooser extends Chooser {
  readonly config: MLAAttentionConfig;
  readonly indexer: TopkIndexer | null;
  /** `kv_b_proj`'s weight as it is now. */
  kvBKernel(): Tensor;
}

/** The strategy of a latent attention layer. */
export class MlaBackendChoice extends StrategyChoice<MlaChooser> {
  protected selectorConfig(): AttnSelectorConfig {
    const { config, indexer, kvCacheDtype, vllmConfig } = this.layer;
    return {
      headSize: config.headSize,
      dtype: vllmConfig?.modelConfig.dtype ?? 'float32',
      kvCacheDtype,
      blockSize: config.cacheConfig?.blockSize ?? null,
      useMla: true,
      useSparse: indexer !== null,
    };
  }

  protected construct(backend: typeof AttentionBackend): AttentionImpl {
    const { config, indexer, kvCacheDtype } = this.layer;
    const { numHeads, headSize, scale, qkNopeHeadDim, qkRopeHeadDim } = config;
    const Impl = backend.getMlaImplCls();
    const { qLoraRank, kvLoraRank, vHeadDim } = config;
    const sizes = { qLoraRank, kvLoraRank, qkNopeHeadDim, qkRopeHeadDim, vHeadDim };
    return new Impl(
      {
        ...sizes,
        qkHeadDim: qkNopeHeadDim + qkRopeHeadDim,
        kvBProj: () => this.layer.kvBKernel(),
        indexer,
        implementation: backend.getKernelStrategy(),
      },
      ...([numHeads, headSize, scale, 1, null, null, kvCacheDtype] as const),
    );
  }
}
