import { InvalidArgumentError } from 'commander';

/** Reads a whole number from 1 on. */
export function count(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('It must be at least 1.');
  return value;
}

/** Reads a whole number from 0 to 2^31 - 1. */
export function integer(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 31) {
    throw new InvalidArgumentError('It must be a whole number from 0 to 2147483647.');
  }
  return value;
}

/** Reads a temperature. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a number > 0; --greedy takes the likeliest token.');
  }
  return value;
}

/** Reads comma-separated token ids. */
export function idList(text: string): number[] {
  if (text.trim() === '') throw new InvalidArgumentError('It must name at least one token id.');
  return text.split(',').map((part) => integer(part.trim()));
}
