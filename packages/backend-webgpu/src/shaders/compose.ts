/** Numbers that a shader is composed for; each is a constant of the shader too. */
export type Constants = Readonly<Record<string, number>>;

/** What a buffer is to a shader. */
export type BindingKind = 'uniform' | 'read' | 'write';

/** A composed shader and what it binds, in the order of binding numbers. */
export interface Shader {
  readonly text: string;
  readonly bindings: readonly { readonly name: string; readonly kind: BindingKind }[];
}

const SPACES: Readonly<Record<BindingKind, string>> = {
  uniform: 'uniform',
  read: 'storage, read',
  write: 'storage, read_write',
};

/**
 * Composes a shader from the files below kernels/. A line may be
 *
 * ```wgsl
 * #include "path"                      // once each
 * #if PAGED && !FEATURE_MASK           // flags; #else, #end
 * #for r in ROWS                       // written out: @r is 0, 1, ...; @ROWS a constant; #end
 * #bind read keys: array<vec4<u32>>    // the next binding number
 * ```
 */
export function compose(
  path: string,
  files: Readonly<Record<string, string>>,
  constants: Constants,
  flags: readonly string[],
  prelude: string,
): Shader {
  const included = new Set<string>();
  const set = new Set(flags);
  const bindings: { name: string; kind: BindingKind }[] = [];
  const body = expand([...prelude.split('\n'), ...resolve(path)], {});
  const enables = body.filter((line) => line.startsWith('enable '));
  const definitions = Object.entries(constants)
    .filter(([name]) => body.some((line) => line.includes(name)))
    .map(([name, value]) => `const ${name} = ${value};`);
  const rest = body.filter((line) => !line.startsWith('enable '));
  return { text: [...enables, ...definitions, ...rest, ''].join('\n'), bindings };

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
      const line = source[at];
      const condition = /^#if (.+)$/.exec(line);
      const loop = /^#for ([a-z]) in ([A-Z_]+)$/.exec(line);
      const binding = /^#bind (uniform|read|write) (\w+): (.+)$/.exec(line);
      if (condition) {
        const { otherwise, end } = blockAt(source, at);
        const [from, to] = isTrue(condition[1], set) ? [at + 1, otherwise] : [otherwise + 1, end];
        out.push(...expand(source.slice(from, to), scope));
        at = end;
      } else if (loop) {
        const { end } = blockAt(source, at);
        const inner = source.slice(at + 1, end);
        for (let i = 0; i < constant(loop[2]); i++) {
          out.push(...expand(inner, { ...scope, [loop[1]]: i }));
        }
        at = end;
      } else if (binding) {
        out.push(declare(binding[1] as BindingKind, binding[2], binding[3]));
      } else {
        out.push(substitute(line, scope));
      }
    }
    return out;
  }

  function declare(kind: BindingKind, name: string, type: string): string {
    bindings.push({ name, kind });
    const number = bindings.length - 1;
    return `@group(0) @binding(${number}) var<${SPACES[kind]}> ${name}: ${type};`;
  }

  function substitute(line: string, scope: Readonly<Record<string, number>>): string {
    return line
      .replace(/@([A-Z][A-Z_]*)/g, (_, name: string) => String(constant(name)))
      .replace(/@([a-z])(?![a-z])/g, (whole, name: string) => {
        const i = scope[name];
        return i === undefined ? whole : String(i);
      });
  }

  function constant(name: string): number {
    const value = constants[name];
    if (value === undefined) throw new Error(`${path}: no constant '${name}'`);
    return value;
  }
}

const isComment = (line: string) => /^\s*\/\//.test(line) || line.trim() === '';

/** `A && !B || C` of flags. */
function isTrue(condition: string, flags: ReadonlySet<string>): boolean {
  return condition.split('||').some((all) =>
    all.split('&&').every((term) => {
      const name = term.trim();
      return name.startsWith('!') ? !flags.has(name.slice(1)) : flags.has(name);
    }),
  );
}

/** Where a block ends, and where its `#else` is: at its end if it has none. */
function blockAt(source: readonly string[], start: number): { otherwise: number; end: number } {
  let depth = 0;
  let otherwise: number | undefined;
  for (let at = start; at < source.length; at++) {
    const line = source[at];
    if (line.startsWith('#for ') || line.startsWith('#if ')) depth++;
    if (line === '#else' && depth === 1) otherwise = at;
    if (line === '#end' && --depth === 0) return { otherwise: otherwise ?? at, end: at };
  }
  throw new Error(`'${source[start]}' has no #end`);
}
