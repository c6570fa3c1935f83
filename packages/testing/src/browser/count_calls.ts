/** Counts calls of an object's methods until `stop()`, which gives the names that were called with their counts. */
export function countCalls<T extends object>(
  target: T,
  names: readonly (keyof T & string)[],
): { stop: () => Record<string, number> } {
  const counts: Record<string, number> = {};
  const originals = names.map((name) => {
    const original = target[name] as unknown as (...args: unknown[]) => unknown;
    const counting = (...args: unknown[]) => {
      counts[name] = (counts[name] ?? 0) + 1;
      return original.apply(target, args);
    };
    Object.defineProperty(target, name, { value: counting, configurable: true });
    return () => Reflect.deleteProperty(target, name);
  });
  return {
    stop: () => {
      originals.forEach((restore) => restore());
      return counts;
    },
  };
}
