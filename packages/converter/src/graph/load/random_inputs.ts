import { tensor, util, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';
import { check } from '../topology/errors.js';

/** What a graph model says of an input. */
export interface InputInfo {
  name: string;
  shape?: readonly (number | null)[];
  dtype: string;
}

const BATCH = 2;
const LENGTH = 8;

/**
 * Inputs that any model of these shapes should take: open axes are 2 (the first) and 8, integers are 0 or 1 (token ids and
 * masks alike), floats are normal. The same for every call.
 */
export function randomInputs(infos: readonly InputInfo[]): NamedTensorMap {
  const random = generator(1);
  return Object.fromEntries(infos.map((info) => [info.name, randomTensor(info, random)]));
}

function randomTensor({ name, shape, dtype }: InputInfo, random: () => number): Tensor {
  check(
    shape !== undefined,
    () => `verify: the shape of input '${name}' is not in the topology; give verify: { inputs }`,
  );
  const axes = shape.map((size, axis) =>
    size === null || size < 0 ? (axis === 0 ? BATCH : LENGTH) : size,
  );
  const values = Array.from({ length: util.sizeFromShape(axes) }, random);
  switch (dtype) {
    case 'float32':
      // A sum of uniform numbers is close enough to normal ones.
      return tensor(values.map((x) => 3 * (x + random() + random() - 1.5)), axes, 'float32'); // prettier-ignore
    case 'int32':
    case 'bool':
      return tensor(values.map((x) => Number(x < 0.7)), axes, dtype); // prettier-ignore
    default:
      check(false, () => `verify: input '${name}' is of dtype '${dtype}'; give verify: { inputs }`);
  }
}

/** Park and Miller's minimal generator (1988): uniform in (0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
