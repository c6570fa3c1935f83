import { cast, ones, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';

type Shape = (number | null)[];

/**
 * Makes a tensor of the Keras mask of its input: `[B, S, ...]` → bool `[B, S]`, all true where there is no mask. tfjs hands
 * a layer the mask of its first input only; the attention layers put this one between them and the source of another mask.
 */
export class AttentionMaskTensor extends layers.Layer {
  static className = 'AttentionMaskTensor';

  constructor(args?: ConstructorParameters<typeof layers.Layer>[0]) {
    super(args);
    this.supportsMasking = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs?: { mask?: Tensor | null }): Tensor {
    return tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const [batch, length] = x.shape;
      const mask = kwargs?.mask ?? ownMask(x);
      if (mask == null) return ones([batch, length], 'bool');
      return cast(reshape(mask, [batch, length]), 'bool');
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return ((Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape).slice(0, 2);
  }

  /** The output is a mask and has none. */
  override computeMask(): Tensor {
    // The type has no null, though the base class returns it.
    return null as unknown as Tensor;
  }
}

/** The mask that tfjs-layers kept on a tensor, while it lives. */
export function ownMask(x: Tensor): Tensor | null {
  const { kerasMask } = x as Tensor & { kerasMask?: Tensor | null };
  return kerasMask != null && !kerasMask.isDisposed ? kerasMask : null;
}
