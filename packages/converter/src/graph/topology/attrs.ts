import type { NodeDef } from './graph_def.js';

export function boolAttr(node: NodeDef, ...names: string[]): boolean {
  return names.some((name) => node.attr?.[name]?.b === true);
}

/** An integer attribute; 0 where it is absent, as protocol buffers have it. */
export function intAttr(node: NodeDef, name: string): number {
  return Number(node.attr?.[name]?.i ?? 0);
}

export function stringAttr(node: NodeDef, name: string): string | undefined {
  const bytes = node.attr?.[name]?.s;
  if (bytes === undefined) return undefined;
  return typeof bytes === 'string' ? atob(bytes) : String.fromCharCode(...bytes);
}

const DATA_TYPES: Record<number, string> = { 1: 'DT_FLOAT', 3: 'DT_INT32', 9: 'DT_INT64', 10: 'DT_BOOL', 14: 'DT_BFLOAT16', 19: 'DT_HALF' }; // prettier-ignore

/** `DT_...` of a type attribute, which JSON may hold by name or by number. */
export function typeAttr(node: NodeDef, name: string): string | undefined {
  const type = node.attr?.[name]?.type;
  return typeof type === 'number' ? DATA_TYPES[type] : type;
}

/** Axes of a shape attribute, -1 where unknown; `undefined` for an unknown rank. */
export function shapeAttr(node: NodeDef, name: string): number[] | undefined {
  const shape = node.attr?.[name]?.shape;
  if (shape === undefined || shape.unknownRank === true) return undefined;
  return (shape.dim ?? []).map(({ size }) => Number(size ?? 0));
}
