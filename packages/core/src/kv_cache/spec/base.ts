import { InvalidArgumentError } from '../../errors.js';
import type { VllmConfig } from '../../config.js';
import { check, checkInt } from '../../problem/checks.js';
import type { KvCacheDtype } from '../../problem/params.js';

/** What one layer, or layers of one kind, keep in blocks (vLLM `vllm.v1.kv_cache_interface.KVCacheSpec`). */
export abstract class KvCacheSpec {
  /** C, tokens per block. */
  readonly blockSize: number;

  constructor(options: { blockSize: number }) {
    const { blockSize } = options ?? {};
    checkInt(blockSize, new.target.name, 'blockSize', 1);
    this.blockSize = blockSize;
  }

  /** Bytes of one block of one layer (vLLM `page_size_bytes`); `dtype` overrides the spec's own. */
  abstract pageSizeBytes(dtype?: KvCacheDtype): number;

  /** Bytes that one request of `maxModelLen` tokens may hold at once. */
  abstract maxMemoryUsageBytes(vllmConfig: VllmConfig): number;

  /** Most blocks that one sequence of `numTokens` tokens holds at once. */
  maxBlocksPerSeq(numTokens: number): number {
    return Math.ceil(numTokens / this.blockSize);
  }

  /** The same in every field but the block size. */
  copyWithNewBlockSize(blockSize: number): this {
    return this.copyWith({ blockSize });
  }

  /** Whether the other is of the same class and equal in every field. */
  equals(other: KvCacheSpec): boolean {
    return this.constructor === other.constructor && fieldsText(this) === fieldsText(other);
  }

  /** One spec for layers that share a block table: equal ones only, unless a class says otherwise. */
  static merge(specs: readonly KvCacheSpec[]): KvCacheSpec {
    checkSome(this.name, specs);
    const [first] = specs;
    const other = specs.find((spec) => !spec.equals(first));
    check(
      other === undefined,
      `${this.name}.merge`,
      `all specs must be equal to share a block table, got ${describe(first)} and ${other && describe(other)}`,
    );
    return first.copyWith({});
  }

  /** Constructor arguments are the fields, in every class. */
  protected copyWith(changes: Readonly<Record<string, unknown>>): this {
    const Spec = this.constructor as new (options: object) => this;
    return new Spec({ ...this, ...changes });
  }
}

export function checkSome(name: string, specs: readonly KvCacheSpec[]): void {
  if (specs.length === 0) {
    throw new InvalidArgumentError(`${name}.merge: there is no spec to merge`);
  }
}

function describe(spec: KvCacheSpec): string {
  return `${spec.constructor.name} ${fieldsText(spec)}`;
}

function fieldsText(spec: KvCacheSpec): string {
  return JSON.stringify(Object.fromEntries(Object.entries(spec).sort()));
}
