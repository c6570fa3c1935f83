/** Python's names of classes where Keras exports them under another one. */
const PYTHON_NAMES: Record<string, string> = { GroupQueryAttention: 'GroupedQueryAttention' };

/** Groups of layers in `model.weights.h5`: the class in snake case, numbered from the second on. */
export class StoredNames {
  private readonly used = new Map<string, number>();

  next(className: string): string {
    const name = snake(PYTHON_NAMES[className] ?? className);
    const count = this.used.get(name) ?? 0;
    this.used.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }
}

/** As Keras's `to_snake_case`: 'Conv2DTranspose' is 'conv2d_transpose'. */
function snake(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
