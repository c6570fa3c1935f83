import type { serialization } from '@tensorflow/tfjs-core';

/**
 * tfjs-layers writes the strings of a config in snake case and reads them, class names included, in camel case:
 * 'FUSED' comes back as 'fused', 'encoder_only' as 'encoderOnly'. This undoes it.
 */
export function restoreConfig(config: serialization.ConfigDict): serialization.ConfigDict {
  const { attnType, attnBackend } = config;
  return {
    ...config,
    ...(typeof attnType === 'string' && { attnType: snakeCase(attnType) }),
    ...(typeof attnBackend === 'string' &&
      attnBackend !== 'auto' && { attnBackend: snakeCase(attnBackend).toUpperCase() }),
  };
}

/** A class name as tfjs-layers looks it up when it reads a model. */
export function classNameAsRead(className: string): string {
  return className.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(text: string): string {
  return text.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}
