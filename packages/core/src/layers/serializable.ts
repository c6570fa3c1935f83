import { serialization } from '@tensorflow/tfjs-core';
import { classNameAsRead } from './serialized.js';

interface LayerClass {
  className: string;
  fromConfig: typeof serialization.Serializable.fromConfig;
  new (args: never): serialization.Serializable;
}

/** Registers a layer class under its name, and under what tfjs-layers makes of that name when it reads a model. */
export function registerLayerClass(cls: LayerClass): void {
  const read = class {
    static className = classNameAsRead(cls.className);
    static fromConfig(_: unknown, config: serialization.ConfigDict): serialization.Serializable {
      return cls.fromConfig(cls as never, config);
    }
  };
  serialization.registerClass(cls as never);
  serialization.registerClass(read as never);
}

const counts = new Map<string, number>();

/** A name for a layer that was given none: tfjs would make one of the class name, and refuse the '>' in it. */
export function unnamed(className: string): string {
  const bare = className.slice(className.indexOf('>') + 1);
  const stem = bare.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  const count = (counts.get(stem) ?? 0) + 1;
  counts.set(stem, count);
  return `${stem}_${count}`;
}
