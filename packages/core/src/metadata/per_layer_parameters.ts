import type { LayerParametersSource, VllmConfig } from '../config.js';
import { check } from '../problem/checks.js';

/** What a plan for several layers depends on (vLLM `PerLayerParameters`). */
export interface PerLayerParameters {
  /** Keys visible before the query position, itself excluded; -1 = unlimited. */
  windowLeft: number;
  /** Null = off. */
  logitsSoftCap: number | null;
  smScale: number;
  hasSinks: boolean;
  hasSameWindowLefts?: boolean;
  hasSameAllParams?: boolean;
}

/**
 * Parameters of some registered layers, by name (vLLM `get_per_layer_parameters`).
 *
 * @param cls what their implementations must be; default: anything
 * @throws InvalidArgumentError for a name that is not registered, or another implementation.
 */
export function getPerLayerParameters(
  vllmConfig: VllmConfig,
  layerNames: readonly string[],
  cls?: abstract new (...args: never[]) => LayerParametersSource,
): Record<string, PerLayerParameters> {
  const op = 'getPerLayerParameters';
  const layers = vllmConfig.compilationConfig?.staticForwardContext ?? {};
  return Object.fromEntries(
    layerNames.map((name) => {
      check(Object.hasOwn(layers, name), op, `no layer is registered as '${name}'`);
      const { impl } = layers[name];
      check(
        cls === undefined || impl instanceof cls,
        op,
        `layer '${name}' is implemented by ${impl.constructor.name}, not ${cls?.name}`,
      );
      const parameters: PerLayerParameters = {
        windowLeft: impl.slidingWindow?.[0] ?? -1,
        logitsSoftCap: impl.logitsSoftCap || null,
        smScale: impl.scale,
        hasSinks: impl.sinks != null,
      };
      return [name, parameters];
    }),
  );
}

/** The first layer's parameters, and whether all have the same (vLLM `infer_global_hyperparameters`). */
export function inferGlobalHyperparameters(
  perLayerParams: Readonly<Record<string, PerLayerParameters>>,
): PerLayerParameters {
  const all = Object.values(perLayerParams);
  check(all.length > 0, 'inferGlobalHyperparameters', 'there is no attention layer in the model');
  const [first] = all;
  const names = ['windowLeft', 'logitsSoftCap', 'smScale', 'hasSinks'] as const;
  const same = (name: (typeof names)[number]) => all.every((each) => each[name] === first[name]);
  return {
    ...first,
    hasSameWindowLefts: same('windowLeft'),
    hasSameAllParams: names.every(same),
  };
}
