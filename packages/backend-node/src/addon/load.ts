import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WIRE_VERSION } from '../calls/wire.js';
import type { Addon } from './addon.js';

const require = createRequire(import.meta.url);
/** Two folders above this file, in src as in dist. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILE = 'tfjs_attention.node';

/** An addon whose ops TensorFlow knows, or why there is none. */
export type AddonState =
  | { readonly kind: 'ready'; readonly addon: Addon; readonly tensorFlow: string }
  | { readonly kind: 'absent'; readonly reason: string };

let ready: Extract<AddonState, { kind: 'ready' }> | undefined;

/** Loads the addon and registers its ops, at the first call. A failure is tried again: tfjs-node may be imported later. */
export function loadAddon(): AddonState {
  if (ready !== undefined) return ready;
  const platform = `${process.platform}-${process.arch}`;
  const places = [join(ROOT, 'prebuilds', platform, FILE), join(ROOT, 'build', FILE)];
  const path = places.find((place) => existsSync(place));
  if (path === undefined) {
    return absent(
      `its addon is not built for ${platform}: run \`npm rebuild @tfjs-attention/backend-node\` with g++ or clang++ ` +
        'installed',
    );
  }
  try {
    const addon = require(path) as Addon;
    if (addon.wireVersion !== WIRE_VERSION) {
      return absent(
        `${path} is of version ${addon.wireVersion}, the package of ${WIRE_VERSION}: rebuild it`,
      );
    }
    ready = { kind: 'ready', addon, tensorFlow: addon.register() };
    return ready;
  } catch (error) {
    // No `instanceof Error`: what native code throws may be of another realm.
    return absent(String((error as { message?: unknown }).message));
  }
}

function absent(reason: string): AddonState {
  return { kind: 'absent', reason };
}
