import type { AttentionBackend, AttentionMetadataBuilderClass } from '../backends/abstract.js';
import type { AttentionImplClass } from '../backends/impl.js';
import type { AttentionMetadata } from '../backends/metadata.js';
import type { AttentionMetadataBuilder } from './builder.js';
import type { CommonAttentionMetadata } from './common_attention_metadata.js';

type Backend = typeof AttentionBackend;

/** What a derived strategy has of its own. */
export interface BackendParts {
  builder?: AttentionMetadataBuilderClass;
  impl?: AttentionImplClass;
}

/**
 * The same strategy with another builder (vLLM `subclass_attention_backend`); here, with another implementation too. Its
 * class is called `namePrefix` and the strategy's own name; registry name and facts stay.
 */
export function subclassAttentionBackend(
  namePrefix: string,
  backend: Backend,
  { builder = backend.getBuilderCls(), impl = backend.getImplCls() }: BackendParts,
): Backend {
  abstract class Derived extends backend {
    static override getBuilderCls(): AttentionMetadataBuilderClass {
      return builder;
    }

    static override getImplCls(): AttentionImplClass {
      return impl;
    }
  }
  return renamed(Derived, namePrefix + backend.name);
}

/** A builder that changes what all layers share before the strategy's own builder sees it. */
export function subclassAttentionBuilder(
  namePrefix: string,
  builder: AttentionMetadataBuilderClass,
  transform: (
    common: CommonAttentionMetadata,
    self: AttentionMetadataBuilder,
  ) => CommonAttentionMetadata,
  finish: (
    built: AttentionMetadata,
    common: CommonAttentionMetadata,
    self: AttentionMetadataBuilder,
  ) => void = () => undefined,
): AttentionMetadataBuilderClass {
  const inherited = builder.prototype as AttentionMetadataBuilder;
  class Derived extends builder {
    // A prefix that all requests share is one of the batch as it was.
    override build(_commonPrefixLen: number, common: CommonAttentionMetadata, fastBuild?: boolean) {
      const built = inherited.build.call(this, 0, transform(common, this), fastBuild);
      finish(built, common, this);
      return built;
    }
  }
  return renamed(Derived, namePrefix + builder.name);
}

/** The same strategy for layers whose batches are not what the model's step says: its builder sees them transformed. */
export function transformingBackend(
  namePrefix: string,
  backend: Backend,
  transform: Parameters<typeof subclassAttentionBuilder>[2],
): Backend {
  const builder = subclassAttentionBuilder(namePrefix, backend.getBuilderCls(), transform);
  return subclassAttentionBackend(namePrefix, backend, { builder });
}

/** One derived class for equal arguments, so that layers of a kind share builders. */
export function oncePerBackend<Args extends readonly (number | string)[]>(
  create: (underlying: Backend, ...args: Args) => Backend,
): (underlying: Backend, ...args: Args) => Backend {
  const made = new WeakMap<Backend, Map<string, Backend>>();
  return (underlying, ...args) => {
    const known = made.get(underlying) ?? new Map<string, Backend>();
    made.set(underlying, known);
    const key = args.join(' ');
    const found = known.get(key) ?? create(underlying, ...args);
    known.set(key, found);
    return found;
  };
}

function renamed<T extends object>(cls: T, name: string): T {
  return Object.defineProperty(cls, 'name', { value: name });
}
