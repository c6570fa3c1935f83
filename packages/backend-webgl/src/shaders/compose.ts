/** Numbers that a shader is composed for; each is a `#define` too. */
export type Constants = Readonly<Record<string, number>>;

const LANES = 'xyzw';

/**
 * Composes a shader from the files below kernels/: `#include "path"` (once each), loops over lines
 *
 * ```glsl
 * #for k in KEYS
 *   score@k += ...;   // @k is 0, 1, ...; @k:quad its fourth, @k:lane x, y, z or w; @NAME a constant, @# counts up
 * #end
 * ```
 *
 * which are written out, so that no array is indexed at run time, and the constants as definitions in front.
 */
export function compose(
  path: string,
  files: Readonly<Record<string, string>>,
  constants: Constants,
  flags: readonly string[],
  prelude: string,
): string {
  const included = new Set<string>();
  const lines = expand(resolve(path), {});
  const definitions = [
    ...Object.entries(constants).map(([name, value]) => `#define ${name} ${value}`),
    ...flags.map((flag) => `#define ${flag}`),
  ];
  let count = 0;
  const body = lines.map((line) => line.replace(/@#/g, () => String(count++)));
  return ['#version 300 es', PRECISIONS, ...definitions, prelude, ...body, ''].join('\n');

  function resolve(file: string): string[] {
    if (included.has(file)) return [];
    included.add(file);
    const text = files[file];
    if (text === undefined) throw new Error(`no shader file '${file}'`);
    return text.split('\n').flatMap((line) => {
      const found = /^#include "(.+)"$/.exec(line);
      return found ? resolve(found[1]) : isComment(line) ? [] : [line];
    });
  }

  function expand(source: readonly string[], scope: Readonly<Record<string, number>>): string[] {
    const out: string[] = [];
    for (let at = 0; at < source.length; at++) {
      const loop = /^#for ([a-z]) in ([A-Z_]+)$/.exec(source[at]);
      if (loop === null) {
        out.push(substitute(source[at], scope));
        continue;
      }
      const end = endOf(source, at);
      const inner = source.slice(at + 1, end);
      for (let i = 0; i < constant(loop[2]); i++) {
        out.push(...expand(inner, { ...scope, [loop[1]]: i }));
      }
      at = end;
    }
    return out;
  }

  function substitute(line: string, scope: Readonly<Record<string, number>>): string {
    return line
      .replace(/@([A-Z][A-Z_]*)/g, (_, name: string) => String(constant(name)))
      .replace(/@([a-z])(:quad|:lane)?/g, (whole, name: string, part?: string) => {
        const i = scope[name];
        if (i === undefined) return whole;
        if (part === ':quad') return String(Math.floor(i / 4));
        return part === ':lane' ? LANES[i % 4] : String(i);
      });
  }

  function constant(name: string): number {
    const value = constants[name];
    if (value === undefined) throw new Error(`${path}: no constant '${name}'`);
    return value;
  }
}

const PRECISIONS = [
  'precision highp float;',
  'precision highp int;',
  'precision highp sampler2D;',
  'precision highp usampler2D;',
  'precision highp usampler2DArray;',
  'precision highp isampler2DArray;',
].join('\n');

const isComment = (line: string) => /^\s*\/\//.test(line) || line.trim() === '';

function endOf(source: readonly string[], start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    if (source[at].startsWith('#for ')) depth++;
    if (source[at] === '#end' && --depth === 0) return at;
  }
  throw new Error(`'${source[start]}' has no #end`);
}
