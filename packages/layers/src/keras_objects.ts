import { reshape, serialization, type Tensor } from '@tensorflow/tfjs-core';
import type { constraints, initializers, regularizers } from '@tensorflow/tfjs-layers';
import { InvalidArgumentError } from '@tfjs-attention/core';

export type Initializer = ReturnType<typeof initializers.zeros>;
export type Regularizer = ReturnType<typeof regularizers.l2>;
export type Constraint = ReturnType<typeof constraints.nonNeg>;

/** An initialiser, regulariser or constraint: an instance, a name such as 'glorotUniform', or what `getConfig` wrote. */
export type Given<T> =
  T | string | { className: string; config?: serialization.ConfigDict } | null | undefined;

/**
 * What a config names, from tfjs's own registry of classes; null for null.
 *
 * @throws InvalidArgumentError for a class that tfjs does not know.
 */
export function readObject<T extends serialization.Serializable>(
  op: string,
  name: string,
  given: Given<T>,
): T | null {
  if (given == null) return null;
  if (typeof given === 'object' && 'getClassName' in given) return given;
  const named = typeof given === 'string' ? { className: pascal(given) } : given;
  const { className, config = {} } = asTfjsNames(named.className, named.config);
  const known = serialization.SerializationMap.getMap().classNameMap[className];
  if (known === undefined) {
    throw new InvalidArgumentError(
      `${op}: ${name} names '${className}', which is no class of tfjs; register it with tf.serialization.registerClass`,
    );
  }
  const [cls, fromConfig] = known;
  return fromConfig(cls, config) as T;
}

/** The inverse of {@link readObject}, in the form that tfjs-layers writes. */
export function writeObject(object: serialization.Serializable | null): serialization.ConfigDict {
  // The type has no null, though tfjs-layers writes absent objects so.
  if (object === null) return null as unknown as serialization.ConfigDict;
  return { className: object.getClassName(), config: object.getConfig() };
}

/**
 * An initialiser that sees a kernel as the matrix `[fanIn, fanOut]` it is used as, whatever axes it is stored with (Keras
 * 3.15 `EinsumDense`).
 */
export function asMatrix(given: Initializer, fanIn: number, fanOut: number): Initializer {
  const apply = (shape: number[], dtype?: 'float32'): Tensor =>
    reshape(given.apply([fanIn, fanOut], dtype), shape);
  return Object.assign(Object.create(given) as Initializer, { apply });
}

/** Keras has classes L1 and L2, tfjs only the two in one. */
function asTfjsNames(className: string, config?: serialization.ConfigDict) {
  switch (className) {
    case 'L1':
      return { className: 'L1L2', config: { ...config, l2: 0 } };
    case 'L2':
      return { className: 'L1L2', config: { ...config, l1: 0 } };
    case 'L1l2':
      return { className: 'L1L2', config };
    default:
      return { className, config };
  }
}

function pascal(name: string): string {
  const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
