import { check } from './errors.js';
import { parseRef, type FunctionDef, type GraphDef, type NodeDef } from './graph_def.js';
import { checkAcyclic } from './cycles.js';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The topology of a graph model, checked as a whole: every node has a name of its own and an op, every input names a node
 * or a function's argument, and nothing waits for itself.
 *
 * @throws InvalidArgumentError that names the node.
 */
export function readTopology(value: unknown): GraphDef {
  check(
    isObject(value),
    () =>
      `modelTopology is ${value === undefined ? 'missing' : typeof value}: a graph model's model.json has one with a list 'node'`,
  );
  check(
    Array.isArray(value.node),
    () =>
      "modelTopology has no list 'node', so this is no graph model" +
      (isObject(value.model_config) ? '; it is a Keras layers model, for which kerasModel is' : ''),
  );
  checkNodes('the main graph', value.node, []);
  const library: unknown = value.library;
  const functions: unknown = isObject(library) ? (library.function ?? []) : [];
  check(Array.isArray(functions), () => 'modelTopology.library.function must be a list');
  const names = new Set<string>();
  for (const [index, entry] of (functions as unknown[]).entries()) {
    const name = functionName(entry, index);
    check(!names.has(name), () => `two functions of the library are called '${name}'`);
    names.add(name);
    checkFunction(name, entry as FunctionDef);
  }
  return value as unknown as GraphDef;
}

function functionName(entry: unknown, index: number): string {
  const signature = isObject(entry) ? entry.signature : undefined;
  const name = isObject(signature) ? signature.name : undefined;
  check(
    typeof name === 'string' && name !== '',
    () => `function ${index} of the library has no signature with a name`,
  );
  return name;
}

function checkFunction(name: string, entry: FunctionDef): void {
  const where = `function '${name}'`;
  const nodes: unknown = entry.nodeDef ?? [];
  check(Array.isArray(nodes), () => `${where}: nodeDef must be a list`);
  const given = (entry.signature.inputArg ?? []).map((argument) => argument.name);
  checkNodes(where, nodes as unknown[], given);
  const known = new Set([...given, ...(nodes as NodeDef[]).map((node) => node.name)]);
  for (const [key, ref] of Object.entries(entry.ret ?? {})) {
    check(
      typeof ref === 'string' && known.has(parseRef(ref).node),
      () =>
        `${where}: output '${key}' names '${String(ref)}', which is neither a node nor an argument`,
    );
  }
}

function checkNodes(where: string, nodes: readonly unknown[], given: readonly string[]): void {
  const known = new Set(given);
  for (const [index, node] of nodes.entries()) {
    check(
      isObject(node) && typeof node.name === 'string' && node.name !== '',
      () => `${where}: node ${index} has no name`,
    );
    const { name, op, input } = node;
    check(typeof op === 'string' && op !== '', () => `${where}: node '${String(name)}' has no op`);
    check(
      input === undefined ||
        (Array.isArray(input) && input.every((ref) => typeof ref === 'string')),
      () => `${where}: the inputs of node '${String(name)}' must be a list of strings`,
    );
    check(
      node.attr === undefined || isObject(node.attr),
      () => `${where}: the attributes of node '${String(name)}' must be an object`,
    );
    check(!known.has(name), () => `${where}: two nodes are called '${String(name)}'`);
    known.add(name);
  }
  for (const node of nodes as NodeDef[]) {
    for (const ref of node.input ?? []) {
      check(
        known.has(parseRef(ref).node),
        () => `${where}: node '${node.name}' reads '${ref}', which is not in the graph`,
      );
    }
  }
  checkAcyclic(where, nodes as NodeDef[]);
}
