import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AttentionBackendEnum, backendToClass } from '@tfjs-attention/core';
import { expect, test } from '@jest/globals';

const text = readFileSync(
  fileURLToPath(new URL('../../../docs/strategies.md', import.meta.url)),
  'utf8',
);
const names = Object.values(AttentionBackendEnum);

test('docs/strategies.md names every strategy', () => {
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
});

test('those that run have a section and a row with their head sizes', () => {
  const running = names.filter((name) => {
    if (name === 'CUSTOM') return false;
    const backend = backendToClass(name);
    return backend.unreachable() === null && !backend.isMla();
  });
  expect(running).toHaveLength(9);
  for (const name of running) {
    expect(text).toContain(`\n## ${name}\n`);
    const row = new RegExp(`\\n\\| ${name} +\\|([^|]+)\\|`).exec(text)?.[1].trim();
    expect(row).toBeDefined();
    const sizes = backendToClass(name).getSupportedHeadSizes();
    if (/^[\d ]+$/.test(row ?? '')) expect(row).toBe(sizes.join(' '));
  }
});
