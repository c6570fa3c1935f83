import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl } from '../backends/impl.js';
import type { AttnSelectorConfig } from '../backends/selector_config.js';
import type { AttentionConfig } from './attention_config.js';
import { StrategyChoice, type Chooser } from './strategy_choice.js';

/** The strategy of a softmax attention layer. */
export class BackendChoice extends StrategyChoice<Chooser & { readonly config: AttentionConfig }> {
  protected selectorConfig(): AttnSelectorConfig {
    const { config, kvCacheDtype, vllmConfig } = this.layer;
    return {
      headSize: config.headSize,
      dtype: vllmConfig?.modelConfig.dtype ?? 'float32',
      kvCacheDtype,
      blockSize: config.cacheConfig?.blockSize ?? null,
      hasSink: config.sinks !== null,
      attnType: config.attnType,
      hasSlidingWindow: config.slidingWindow !== null,
      useAlibi: config.alibiSlopes !== null,
      useSoftCap: config.logitsSoftCap > 0,
      useKvSharing: config.kvSharingTargetLayerName !== null,
    };
  }

  protected construct(backend: typeof AttentionBackend): AttentionImpl {
    const { config, kvCacheDtype } = this.layer;
    const Impl = backend.getImplCls();
    return new Impl(
      config.numHeads,
      config.headSize,
      config.scale,
      config.numKvHeads,
      config.alibiSlopes,
      config.slidingWindow,
      kvCacheDtype,
      config.logitsSoftCap,
      config.attnType,
      config.kvSharingTargetLayerName,
      {
        ...config.extraImplArgs,
        ...(config.sinks && { sinks: config.sinks }),
        ...(config.valueHeadSize !== config.headSize && { valueHeadSize: config.valueHeadSize }),
      },
    );
  }
}
