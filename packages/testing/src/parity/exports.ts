import { resolve } from 'node:path';
import ts from 'typescript';

/** What a package exports: names, and of each the names of its members (static, of instances, of interfaces). */
export type Exports = ReadonlyMap<string, ReadonlySet<string>>;

const CORE_MODULES = [
  'index',
  'backends/index',
  'layer',
  'layers/index',
  'ops/index',
  'selector',
  'utils/index',
];

/** Reads the public names of `packages/core` from its sources, types included, with the compiler. */
export function coreExports(root: string): Exports {
  const files = CORE_MODULES.map((name) => resolve(root, `packages/core/src/${name}.ts`));
  const program = ts.createProgram(files, compilerOptions(root));
  const checker = program.getTypeChecker();
  const found = new Map<string, Set<string>>();
  for (const file of files) {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} is no module`);
    for (const symbol of checker.getExportsOfModule(module)) {
      const members = found.get(symbol.name) ?? new Set<string>();
      membersOf(checker, symbol).forEach((name) => members.add(name));
      found.set(symbol.name, members);
    }
  }
  return found;
}

function compilerOptions(root: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(resolve(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as {
    config: { compilerOptions: unknown };
  };
  return ts.convertCompilerOptionsFromJson(config.compilerOptions, root).options;
}

function membersOf(checker: ts.TypeChecker, exported: ts.Symbol): string[] {
  const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
  const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
  const types: ts.Type[] = [];
  if (symbol.flags & ts.SymbolFlags.Type) types.push(checker.getDeclaredTypeOfSymbol(symbol));
  if (symbol.flags & ts.SymbolFlags.Value) types.push(checker.getTypeOfSymbol(symbol));
  return types.flatMap((type) => checker.getPropertiesOfType(type).map(({ name }) => name));
}
