import { KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core';
import type { RunSettings } from '../protocol.js';
import type { Sampling } from '../../../generate/src/runner/sampler.js';
import { byId, fillMenu } from './elements.js';

const prompt = byId('prompt', HTMLTextAreaElement);
const maxTokens = byId('max-tokens', HTMLInputElement);
const sampling = byId('sampling', HTMLSelectElement);
const random = byId('random', HTMLFieldSetElement);
const temperature = byId('temperature', HTMLInputElement);
const topK = byId('top-k', HTMLInputElement);
const seed = byId('seed', HTMLInputElement);
const kvCacheDtype = byId('kv-cache-dtype', HTMLSelectElement);
const backend = byId('backend', HTMLSelectElement);
const form = byId('settings', HTMLFormElement);

/** Backends in the order of the menu; those that the browser has no device for cannot be taken. */
const KNOWN_BACKENDS = ['webgl', 'wasm', 'cpu', 'webgpu'];

/** Fills what does not depend on the model, and calls `onRun` when the form is sent. */
export function startForm(onRun: () => void): void {
  // 'int8' has one scale for the whole cache, which needs calibration.
  const dtypes = KV_CACHE_DTYPES.filter((dtype) => dtype !== 'int8');
  fillMenu(kvCacheDtype, [
    { value: 'auto', label: 'auto (float32)' },
    ...dtypes.map((dtype) => ({ value: dtype, label: dtype })),
  ]);
  sampling.addEventListener('change', () => {
    random.disabled = sampling.value !== 'random';
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    onRun();
  });
  prompt.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

export function showBackends(registered: readonly string[]): void {
  const others = registered.filter((name) => !KNOWN_BACKENDS.includes(name));
  fillMenu(backend, [
    { value: '', label: 'the best' },
    ...[...KNOWN_BACKENDS, ...others].map((name) => {
      const disabled = !registered.includes(name);
      return { value: name, label: disabled ? `${name} (not in this browser)` : name, disabled };
    }),
  ]);
}

/** What the form says; the browser has checked ranges. */
export function readSettings(): RunSettings {
  return {
    prompt: prompt.value,
    maxTokens: maxTokens.valueAsNumber,
    sampling: readSampling(),
    kvCacheDtype: kvCacheDtype.value as KvCacheDtype | 'auto',
    ...(backend.value !== '' && { backend: backend.value }),
  };
}

function readSampling(): Sampling {
  if (sampling.value === 'greedy') return { kind: 'greedy' };
  return {
    kind: 'random',
    temperature: temperature.value === '' ? 1 : temperature.valueAsNumber,
    topK: topK.value === '' ? null : topK.valueAsNumber,
    seed: seed.value === '' ? Math.floor(Math.random() * 2 ** 31) : seed.valueAsNumber,
  };
}
