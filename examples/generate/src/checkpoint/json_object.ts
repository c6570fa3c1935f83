import { demand, reasonOf, UserError } from '../user_error.js';
import type { CheckpointFiles } from './files.js';

/** Fields of a JSON object, checked as they are read; every complaint names the file and the field. `null` = absent. */
export class JsonObject {
  constructor(
    readonly source: string,
    readonly values: Readonly<Record<string, unknown>>,
  ) {}

  static parse(source: string, text: string): JsonObject {
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (error) {
      throw new UserError(`${source}: not valid JSON (${reasonOf(error)})`);
    }
    return new JsonObject(source, asRecord(source, values));
  }

  static read(files: CheckpointFiles, name: string): JsonObject {
    return JsonObject.parse(files.pathOf(name), files.readText(name));
  }

  has(name: string): boolean {
    return this.values[name] != null;
  }

  number(name: string, fallback?: number): number {
    const value = this.values[name] ?? fallback;
    demand(typeof value === 'number' && Number.isFinite(value), this.wrong(name, 'a number'));
    return value;
  }

  positive(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    demand(value > 0, this.wrong(name, 'a number > 0'));
    return value;
  }

  /** A number > 0, or null where the file says null; the fallback is for a field that is not there. */
  positiveOrNull(name: string, fallback: number | null): number | null {
    const value = name in this.values ? this.values[name] : fallback;
    return value === null ? null : this.positive(name, fallback ?? undefined);
  }

  /** An integer >= 1. */
  count(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    demand(Number.isInteger(value) && value >= 1, this.wrong(name, 'an integer >= 1'));
    return value;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.values[name] ?? fallback;
    demand(typeof value === 'boolean', this.wrong(name, 'true or false'));
    return value;
  }

  text(name: string, fallback?: string): string {
    const value = this.values[name] ?? fallback;
    demand(typeof value === 'string', this.wrong(name, 'a string'));
    return value;
  }

  /** A token id, several, or none. */
  ids(name: string): number[] {
    const value = this.values[name] ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    demand(
      list.every((id) => typeof id === 'number' && Number.isInteger(id) && id >= 0),
      this.wrong(name, 'a token id or a list of them'),
    );
    return list as number[];
  }

  texts(name: string): string[] {
    const value = this.values[name] ?? [];
    demand(
      Array.isArray(value) && value.every((item) => typeof item === 'string'),
      this.wrong(name, 'a list of strings'),
    );
    return value;
  }

  object(name: string): JsonObject {
    const source = `${this.source}: ${name}`;
    return new JsonObject(source, asRecord(source, this.values[name]));
  }

  private wrong(name: string, wanted: string): string {
    return `${this.source}: ${name} must be ${wanted}, got ${JSON.stringify(this.values[name])}`;
  }
}

function asRecord(source: string, value: unknown): Record<string, unknown> {
  demand(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    `${source}: must be a JSON object`,
  );
  return value as Record<string, unknown>;
}
