import { env } from '@tensorflow/tfjs-core';

type FlagValue = ReturnType<ReturnType<typeof env>['get']>;

/** A `tf.env()` flag of this package, which is registered with `initial` when it is first read. */
export function readFlag<T extends FlagValue>(name: string, initial: () => T): FlagValue {
  const { flagRegistry } = env() as unknown as { flagRegistry: Record<string, unknown> };
  if (!(name in flagRegistry)) env().registerFlag(name, initial);
  return env().get(name);
}

/** An environment variable of a Node process. */
export function readEnvironment(name: string): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env?.[name];
}
