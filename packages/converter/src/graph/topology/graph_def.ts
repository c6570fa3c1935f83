/** The JSON form of TensorFlow's GraphDef, as far as this package reads it. */
export interface AttrValue {
  /** base64 of the bytes, or the bytes. */
  s?: string | readonly number[];
  i?: string | number;
  b?: boolean;
  f?: number | string;
  type?: string | number;
  shape?: TensorShape;
  tensor?: { dtype?: string | number; tensorShape?: TensorShape };
  list?: unknown;
  func?: { name?: string };
}

export interface TensorShape {
  dim?: readonly { size?: string | number }[];
  unknownRank?: boolean;
}

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:output`, `node:name:output` (in functions) or `^node` (control only). */
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, AttrValue>>;
}

export interface FunctionDef {
  readonly signature: {
    readonly name: string;
    readonly inputArg?: readonly { name: string }[];
  };
  readonly nodeDef?: readonly NodeDef[];
  /** Output argument to the reference that it returns. */
  readonly ret?: Readonly<Record<string, string>>;
  readonly controlRet?: Readonly<Record<string, string>>;
}

export interface GraphDef {
  readonly node: readonly NodeDef[];
  readonly library?: { readonly function?: readonly FunctionDef[] };
}

export interface Ref {
  node: string;
  output: number;
  control: boolean;
}

/** Splits `node`, `node:1`, `node:output:1` and `^node`. */
export function parseRef(ref: string): Ref {
  const control = ref.startsWith('^');
  const [node, ...rest] = (control ? ref.slice(1) : ref).split(':');
  return { node, output: rest.length === 0 ? 0 : Number(rest[rest.length - 1]), control };
}

/** Inputs that carry a tensor. */
export function dataInputs(node: NodeDef): string[] {
  return (node.input ?? []).filter((ref) => !ref.startsWith('^'));
}
