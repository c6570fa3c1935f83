import type { serialization } from '@tensorflow/tfjs-core';

type Value = serialization.ConfigDictValue;

/**
 * tfjs-layers writes the strings of a config in snake case and reads them in camel case: 'FUSED' comes back as 'fused',
 * 'encoder_only' as 'encoderOnly'. Only what stands under the key 'name' stays, so strings that would change are wrapped
 * as `{name: text}`. JSON knows no infinities: a sink of -Infinity is written as `{name: '-Infinity', number: true}`.
 */
export function protectConfig(config: serialization.ConfigDict): serialization.ConfigDict {
  return mapValues(config, protect);
}

/** Undoes {@link protectConfig}. A config that is not wrapped stays as it is. */
export function restoreConfig(config: serialization.ConfigDict): serialization.ConfigDict {
  return mapValues(config, restore);
}

/** Constructor arguments, which may be a config as {@link protectConfig} wrote it. Live objects stay as they are. */
export function restoreArgs<T extends object>(given: T): T {
  const { vllmConfig, quantConfig, ...rest } = (given ?? {}) as Record<string, unknown>;
  const restored = restoreConfig(rest as serialization.ConfigDict);
  return { ...restored, vllmConfig, quantConfig } as unknown as T;
}

/** A class name as tfjs-layers looks it up when it reads a model. */
export function classNameAsRead(className: string): string {
  return className.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function protect(value: Value, key: string): Value {
  if (typeof value === 'string') {
    return key === 'name' || /^[a-z0-9]*$/.test(value) ? value : { name: value };
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { name: String(value), number: true };
  }
  return inside(value, (entry, name) => protect(entry, name));
}

function restore(value: Value): Value {
  if (isDict(value)) {
    const keys = Object.keys(value).sort().join();
    if (typeof value.name === 'string') {
      if (keys === 'name') return value.name;
      if (keys === 'name,number' && value.number === true) return Number(value.name);
    }
  }
  return inside(value, restore);
}

function inside(value: Value, change: (value: Value, key: string) => Value): Value {
  if (Array.isArray(value)) {
    return (value as Value[]).map((entry) => change(entry, ''));
  }
  return isDict(value) ? mapValues(value, change) : value;
}

function mapValues(
  dict: serialization.ConfigDict,
  change: (value: Value, key: string) => Value,
): serialization.ConfigDict {
  return Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, change(value, key)]));
}

function isDict(value: Value): value is serialization.ConfigDict {
  return (
    value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
  );
}
