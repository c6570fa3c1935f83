import { registerPlugin, type BackendPluginOptions } from '@tfjs-attention/core/provider';
import { attach } from './attach.js';

const STOCK = {
  op: 'registerWebGLBackend',
  stock: 'webgl',
  remedy: 'import @tensorflow/tfjs-backend-webgl first',
  priority: 2,
};

/**
 * Makes `tf.setBackend(name)` a complete tfjs-webgl of its own, with our kernels besides. It draws in the WebGL context
 * that 'webgl' uses, with textures of its own. Default priority 2, as tfjs's 'webgl'.
 *
 * ```js
 * registerWebGLBackend({name: 'webgl-attention'});  // tf.setBackend('webgl-attention')
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-webgl is not loaded.
 */
export function registerWebGLBackend(options: BackendPluginOptions): void {
  attach(registerPlugin(STOCK, options));
}
