import { copyRegisteredKernels, findBackendFactory, registerBackend } from '@tensorflow/tfjs-core';
import { InvalidArgumentError, UnsupportedError } from './errors.js';

export interface BackendPluginOptions {
  /** What `tf.setBackend` will take; without '_'. */
  name: string;
  /** As in `tf.registerBackend`. Default that of the package's stock backend. */
  priority?: number;
}

type BackendFactory = NonNullable<ReturnType<typeof findBackendFactory>>;

/** A stock backend that a plugin repeats under a name of its own. */
export interface StockBackendOf {
  /** The function that a user called. */
  readonly op: string;
  /** The stock backend's name in tfjs. */
  readonly stock: string;
  /** What a user does where the stock backend is not there. */
  readonly remedy: string;
  readonly priority: number;
  /** Makes the backend; default the stock one's own factory. */
  readonly factory?: BackendFactory;
}

/**
 * Registers a tfjs backend that is a complete copy of a stock one, kernels included, under the caller's name.
 *
 * @returns the name, under which the caller attaches kernels of its own.
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where the stock backend is absent.
 */
export function registerPlugin(
  { op, stock, remedy, priority: ofStock, factory }: StockBackendOf,
  options: BackendPluginOptions,
): string {
  const { name, priority = ofStock } = options ?? {};
  if (typeof name !== 'string' || name === '' || name.includes('_')) {
    throw new InvalidArgumentError(
      `${op}: name must be a text without '_' (tfjs splits kernel keys on it), got '${String(name)}'`,
    );
  }
  const ofTfjs = findBackendFactory(stock);
  if (ofTfjs == null) throw new UnsupportedError(op, [remedy]);
  if (!registerBackend(name, factory ?? (() => ofTfjs()), priority)) {
    throw new InvalidArgumentError(
      `${op}: tfjs has a backend '${name}' already; take another name`,
    );
  }
  copyRegisteredKernels(stock, name);
  return name;
}
