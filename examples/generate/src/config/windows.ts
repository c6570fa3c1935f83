import type { JsonObject } from '../checkpoint/json_object.js';
import { demand } from '../user_error.js';
import type { Architecture } from './architectures.js';

const SLIDING = 'sliding_attention';
const FULL = 'full_attention';

/** For each layer the keys that a token sees, itself included; null = all. */
export function readWindows(json: JsonObject, architecture: Architecture): (number | null)[] {
  const numLayers = json.count('num_hidden_layers');
  const window = readWindow(json, architecture);
  const types = json.texts('layer_types');
  if (types.length === 0) {
    const windowed = windowedLayers(json, architecture);
    return Array.from({ length: numLayers }, (_, i) => (windowed(i) ? window : null));
  }
  demand(
    types.length === numLayers,
    `${json.source}: layer_types has ${types.length} entries for ${numLayers} layers`,
  );
  for (const type of types) {
    demand(
      type === SLIDING || type === FULL,
      `${json.source}: layer_types: '${type}' is not one of ${SLIDING}, ${FULL}`,
    );
    demand(
      type === FULL || window !== null,
      `${json.source}: layer_types asks for ${SLIDING}, but the config sets no window for ${architecture.name}`,
    );
  }
  return types.map((type) => (type === SLIDING ? window : null));
}

function readWindow(json: JsonObject, { windows }: Architecture): number | null {
  const off =
    windows === 'never' ||
    (windows === 'from max_window_layers' && !json.boolean('use_sliding_window', false));
  return off || !json.has('sliding_window') ? null : json.count('sliding_window');
}

function windowedLayers(json: JsonObject, { windows }: Architecture): (layer: number) => boolean {
  switch (windows) {
    case 'never':
      return () => false;
    case 'every layer':
      return () => true;
    case 'every other layer':
      return (layer) => layer % 2 === 0;
    case 'from max_window_layers': {
      const first = json.number('max_window_layers', 28);
      return (layer) => layer >= first;
    }
    default:
      return windows satisfies never;
  }
}
