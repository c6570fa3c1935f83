import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { coreExports, type Exports } from './exports.js';
import { readParityTable, type ParityRow } from './table.js';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const names = JSON.parse(
  readFileSync(resolve(root, 'packages/testing/fixtures/vllm_names.json'), 'utf8'),
) as { modules: Record<string, Record<string, string | string[]>> };
const rows = readParityTable(readFileSync(resolve(root, 'docs/vllm-parity.md'), 'utf8'));

/** Every name of a module, members as `Class.member`. */
function namesOf(module: string): string[] {
  return Object.entries(names.modules[module]).flatMap(([name, members]) => [
    name,
    ...(Array.isArray(members) ? members.map((member) => `${name}.${member}`) : []),
  ]);
}

const keyOf = ({ module, name }: Pick<ParityRow, 'module' | 'name'>) => `${module} ${name}`;

describe('docs/vllm-parity.md', () => {
  let exported: Exports;
  beforeAll(() => {
    exported = coreExports(root);
  });

  test.each(Object.keys(names.modules))('%s: every name has one row', (module) => {
    const told = rows.filter((row) => row.module === module).map(({ name }) => name);
    expect(told).toEqual(namesOf(module));
  });

  test('no row but for a name of vLLM', () => {
    const known = new Set(
      Object.keys(names.modules).flatMap((module) =>
        namesOf(module).map((name) => keyOf({ module, name })),
      ),
    );
    expect(rows.map(keyOf).filter((key) => !known.has(key))).toEqual([]);
  });

  test('what is the same or adapted is exported', () => {
    const missing = rows
      .filter(({ status }) => status === 'same' || status === 'adapted')
      .filter(({ here }) => here !== '' && !isExported(here))
      .map((row) => `${keyOf(row)} -> ${row.here}`);
    expect(missing).toEqual([]);
  });

  test('the same name is the same but for its case', () => {
    const plain = (name: string) => name.replaceAll('_', '').toLowerCase();
    const differing = rows
      .filter(({ status }) => status === 'same')
      .filter(({ name, here }) => plain(name) !== plain(here))
      .map((row) => `${keyOf(row)} -> ${row.here}`);
    expect(differing).toEqual([]);
  });

  test('whatever differs says why', () => {
    const silent = rows.filter(({ status, note }) => status !== 'same' && note === '').map(keyOf);
    expect(silent).toEqual([]);
  });

  function isExported(path: string): boolean {
    const [name, ...members] = path.split('.');
    const found = exported.get(name);
    return found !== undefined && members.every((member) => found.has(member));
  }
});
