import type { Region, Regions } from '../heap/region.js';

/** A C struct of four-byte fields, written by field name in table order. */
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
    const floats = region.floats();
    const ints = region.ints();
    this.names.forEach((name, i) => {
      if (this.isFloat[i]) floats[i] = values[name];
      else ints[i] = values[name];
    });
  }

  /** A struct of pointers; an absent operand is null. */
  writePointers(region: Region, operands: Regions<Name>): void {
    const ints = region.ints();
    this.names.forEach((name, i) => {
      ints[i] = operands[name]?.address ?? 0;
    });
  }
}
