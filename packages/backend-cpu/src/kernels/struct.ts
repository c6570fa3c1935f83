import type { Region, Regions } from '../heap/region.js';

/**
 * A C struct of four-byte fields in table order. Objects whose keys stand in that order are written fastest: a lookup by
 * a name that varies costs V8 a hundred times a list's entry.
 */
export class Struct<Name extends string> {
  private readonly names: readonly Name[];
  private readonly isFloat: readonly boolean[];

  constructor(table: Readonly<Record<Name, string>>) {
    this.names = Object.keys(table) as Name[];
    this.isFloat = this.names.map((name) => table[name] === 'f32');
  }

  get byteLength(): number {
    return this.names.length * 4;
  }

  write(region: Region, values: Readonly<Record<Name, number>>): void {
    const { names, isFloat } = this;
    const floats = region.floats();
    const ints = region.ints();
    const keys = Object.keys(values);
    const entries: number[] = Object.values(values);
    for (let i = 0; i < names.length; i++) {
      const value = keys[i] === names[i] ? entries[i] : values[names[i]];
      if (isFloat[i]) floats[i] = value;
      else ints[i] = value;
    }
  }

  /** A struct of pointers; an absent operand is null. */
  writePointers(region: Region, operands: Regions<Name>): void {
    const { names } = this;
    const ints = region.ints();
    const keys = Object.keys(operands);
    const entries: (Region | undefined)[] = Object.values(operands);
    for (let i = 0; i < names.length; i++) {
      const operand = keys[i] === names[i] ? entries[i] : operands[names[i]];
      ints[i] = operand === undefined ? 0 : operand.address;
    }
  }
}
