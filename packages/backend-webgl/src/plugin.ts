import { copyRegisteredKernels, findBackendFactory, registerBackend } from '@tensorflow/tfjs-core';
import { InvalidArgumentError, UnsupportedError } from '@tfjs-attention/core/provider';
import { attach } from './attach.js';

export interface BackendPluginOptions {
  /** What `tf.setBackend` will take; without '_'. */
  name: string;
  /** As in `tf.registerBackend`. Default 2, as tfjs's 'webgl'. */
  priority?: number;
}

const OP = 'registerWebGLBackend';

/**
 * Makes `tf.setBackend(name)` a complete tfjs-webgl of its own, with our kernels besides. It draws in the WebGL context
 * that 'webgl' uses, with textures of its own.
 *
 * ```js
 * registerWebGLBackend({name: 'webgl-attention'});  // tf.setBackend('webgl-attention')
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-webgl is not loaded.
 */
export function registerWebGLBackend(options: BackendPluginOptions): void {
  const { name, priority = 2 } = options ?? {};
  if (typeof name !== 'string' || name === '' || name.includes('_')) {
    throw new InvalidArgumentError(
      `${OP}: name must be a text without '_' (tfjs splits kernel keys on it), got '${String(name)}'`,
    );
  }
  const factory = findBackendFactory('webgl');
  if (factory == null) {
    throw new UnsupportedError(OP, ['import @tensorflow/tfjs-backend-webgl first']);
  }
  if (!registerBackend(name, () => factory(), priority)) {
    throw new InvalidArgumentError(
      `${OP}: tfjs has a backend '${name}' already; take another name`,
    );
  }
  copyRegisteredKernels('webgl', name);
  attach(name);
}
