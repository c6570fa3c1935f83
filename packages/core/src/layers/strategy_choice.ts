import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl, KvCacheDtypeName } from '../backends/impl.js';
import { backendToClass, isOverridden } from '../backends/registry.js';
import type { AttnSelectorConfig } from '../backends/selector_config.js';
import type { VllmConfig } from '../config.js';
import { UnsupportedError } from '../errors.js';
import type { Implementation } from '../problem/options.js';
import { getAttnBackend, withForcedAttnBackend } from '../selector.js';
import { requestedBackend } from '../selector/request.js';
import type { AttentionArgs, AttentionConfig } from './attention_config.js';

/** What the choice is made for. */
export interface Chooser {
  readonly name: string;
  readonly config: {
    readonly attnBackend: AttentionConfig['attnBackend'];
    readonly extraImplArgs?: AttentionConfig['extraImplArgs'];
  };
  readonly kvCacheDtype: KvCacheDtypeName;
  readonly vllmConfig?: VllmConfig;
}

/**
 * A layer's strategy and its implementation, looked up when they are used: the tfjs backend may change after the layer
 * was made, and models are loaded before backends are chosen. The selector answers from its cache.
 */
export abstract class StrategyChoice<C extends Chooser> {
  private readonly given?: typeof AttentionBackend;
  private readonly impls = new Map<typeof AttentionBackend, AttentionImpl>();
  private readonly wrapped = new Map<typeof AttentionBackend, typeof AttentionBackend>();
  private readonly judged = new Set<typeof AttentionBackend>();

  constructor(
    protected readonly layer: C,
    attnBackend: AttentionArgs['attnBackend'],
    private readonly wrap: (backend: typeof AttentionBackend) => typeof AttentionBackend,
  ) {
    if (typeof attnBackend === 'function') this.given = attnBackend;
  }

  get backend(): typeof AttentionBackend {
    const chosen = this.given ?? this.select();
    let wrapped = this.wrapped.get(chosen);
    if (wrapped === undefined) this.wrapped.set(chosen, (wrapped = this.wrap(chosen)));
    return wrapped;
  }

  get impl(): AttentionImpl {
    const { backend } = this;
    let impl = this.impls.get(backend);
    if (impl === undefined) this.impls.set(backend, (impl = this.construct(backend)));
    return impl;
  }

  /** Which kernels dense ops are asked for. @throws UnsupportedError where the strategy does not take the layer. */
  get implementation(): Implementation {
    const { attnBackend, extraImplArgs = {} } = this.layer.config;
    const asked = attnBackend === 'auto' ? requestedBackend() : attnBackend;
    const kernels = asked === 'auto' || asked === 'FUSED' || asked === 'COMPOSED' ? asked : null;
    const named = this.given !== undefined || kernels === null;
    // Kernels judge a call themselves; what they never see is judged by the strategy.
    if (!named && Object.keys(extraImplArgs).length === 0) return kernels;
    const chosen = this.given ?? this.select();
    this.judge(chosen);
    return named ? chosen.getKernelStrategy() : kernels;
  }

  /** An implementation refuses what it cannot serve when it is made. */
  private judge(chosen: typeof AttentionBackend): void {
    if (this.judged.has(chosen)) return;
    this.construct(chosen);
    this.judged.add(chosen);
  }

  /** @throws UnsupportedError where the class could not be found again by its name, or an argument is a function. */
  checkSavable(): void {
    const { name, config } = this.layer;
    const code = Object.entries(config.extraImplArgs ?? {}).find(
      ([, arg]) => typeof arg === 'function',
    );
    if (code !== undefined) {
      throw new UnsupportedError(`Attention '${name}'.getConfig`, [
        `extraImplArgs.${code[0]} is a function, which no file holds; give it to the metadata builder instead`,
      ]);
    }
    if (this.given === undefined || config.attnBackend === 'auto') return;
    const unset = config.attnBackend === 'CUSTOM' && !isOverridden('CUSTOM');
    if (!unset && backendToClass(config.attnBackend) === this.given) return;
    throw new UnsupportedError(`Attention '${name}'.getConfig`, [
      `its attnBackend ${this.given.name} is not what '${config.attnBackend}' names; ` +
        `registerBackend('${config.attnBackend}', ${this.given.name}) first`,
    ]);
  }

  /** Frees what implementations keep of a layer's weights. */
  disposeImpls(): void {
    this.impls.forEach((impl) => impl.dispose());
    this.impls.clear();
  }

  private select(): typeof AttentionBackend {
    const { attnBackend } = this.layer.config;
    const config = this.selectorConfig();
    return attnBackend === 'auto'
      ? getAttnBackend(config)
      : withForcedAttnBackend(attnBackend, () => getAttnBackend(config));
  }

  /** What a strategy is asked for. */
  protected abstract selectorConfig(): AttnSelectorConfig;

  protected abstract construct(backend: typeof AttentionBackend): AttentionImpl;
}
