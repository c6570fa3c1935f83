import { InvalidArgumentError } from '@tfjs-attention/core';
import { ATTENTION_OP, type AttentionProgram, type Operand, type Step } from './program.js';

const VERSION = 1;

/** JSON in lower case: tfjs lowers the strings among a custom op's attributes. Infinities are written as words. */
export function encodeProgram(program: AttentionProgram): string {
  return JSON.stringify({ version: VERSION, ...program }, (_, value: unknown) =>
    value === -Infinity ? '-inf' : value === Infinity ? 'inf' : value,
  );
}

/** @throws InvalidArgumentError for anything that `encodeProgram` would not write. */
export function decodeProgram(text: unknown, inputs: number): AttentionProgram {
  let value: unknown;
  try {
    value = typeof text === 'string' ? JSON.parse(text, revive) : undefined;
  } catch {
    value = undefined;
  }
  const read: Reader = new Reader(inputs);
  const found = read.object(value, 'attention');
  read.check(
    found.version === VERSION,
    `has version ${String(found.version)}, not ${VERSION}: fuse the model again`,
  );
  return {
    query: read.operand(found.query, 'query'),
    key: read.operand(found.key, 'key'),
    value: read.operand(found.value, 'value'),
    ...(found.out === undefined ? {} : { out: read.integers(found.out, 'out', 0) }),
    steps: read.list(found.steps, 'steps').map((step) => read.step(step)),
    prefer: read.oneOf(found.prefer, 'prefer', ['auto', 'fused', 'stock']),
  };
}

const revive = (_: string, value: unknown) =>
  value === '-inf' ? -Infinity : value === 'inf' ? Infinity : value;

type Json = Record<string, unknown>;

class Reader {
  constructor(private readonly inputs: number) {}

  check(rule: boolean, text: string): asserts rule {
    if (!rule) throw new InvalidArgumentError(`${ATTENTION_OP}: its attribute 'attention' ${text}`);
  }

  object(value: unknown, name: string): Json {
    this.check(
      typeof value === 'object' && value !== null && !Array.isArray(value),
      `holds no object '${name}'`,
    );
    return value as Json;
  }

  list(value: unknown, name: string): unknown[] {
    this.check(Array.isArray(value), `holds no list '${name}'`);
    return value as unknown[];
  }

  integer(value: unknown, name: string, least = -Infinity): number {
    this.check(Number.isInteger(value) && (value as number) >= least, `needs an integer '${name}'`);
    return value as number;
  }

  integers(value: unknown, name: string, least?: number): number[] {
    return this.list(value, name).map((entry) => this.integer(entry, name, least));
  }

  number(value: unknown, name: string): number {
    this.check(typeof value === 'number', `needs a number '${name}'`);
    return value;
  }

  flag(value: unknown, name: string): boolean {
    this.check(typeof value === 'boolean', `needs true or false as '${name}'`);
    return value;
  }

  oneOf<T extends string>(value: unknown, name: string, known: readonly T[]): T {
    this.check(
      known.includes(value as T),
      `has '${name}' ${String(value)}, not one of ${known.join(', ')}`,
    );
    return value as T;
  }

  input(value: unknown): number {
    const index = this.integer(value, 'input', 3);
    this.check(index < this.inputs, `reads input ${index}, the node has ${this.inputs}`);
    return index;
  }

  operand(value: unknown, name: string): Operand {
    const { axes, swap, repeat } = this.object(value, name);
    return {
      ...(axes === undefined ? {} : { axes: this.integers(axes, 'axes', -1) }),
      ...(swap === undefined ? {} : { swap: this.flag(swap, 'swap') }),
      ...(repeat === undefined ? {} : { repeat: this.integer(repeat, 'repeat', 1) }),
    };
  }

  step(value: unknown): Step {
    const step = this.object(value, 'step');
    const op = this.oneOf(step.op, 'op', OPS);
    switch (op) {
      case 'scale':
        return { op, by: this.number(step.by, 'by') };
      case 'multiply':
      case 'divide':
      case 'add':
      case 'subtract':
      case 'reshape_to':
        return { op, input: this.input(step.input) };
      case 'tanh':
        return { op };
      case 'select':
        return {
          op,
          input: this.input(step.input),
          keep: this.flag(step.keep, 'keep'),
          fill: this.number(step.fill, 'fill'),
          ...(step.expand === undefined ? {} : { expand: this.integers(step.expand, 'expand') }),
        };
      case 'causal':
        return {
          op,
          offset: this.integer(step.offset, 'offset'),
          fill: this.number(step.fill, 'fill'),
          ...(step.left === undefined ? {} : { left: this.integer(step.left, 'left', 0) }),
          ...(step.rows === undefined ? {} : { rows: this.integer(step.rows, 'rows', 1) }),
          ...(step.columns === undefined
            ? {}
            : { columns: this.integer(step.columns, 'columns', 1) }),
        };
      case 'reshape':
        return { op, shape: this.integers(step.shape, 'shape', -1) };
    }
  }
}

const OPS: readonly Step['op'][] = ['scale', 'multiply', 'divide', 'add', 'subtract', 'tanh', 'select', 'causal', 'reshape', 'reshape_to']; // prettier-ignore
