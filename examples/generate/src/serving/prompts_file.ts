import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { demand, reasonOf, UserError } from '../user_error.js';

/** One prompt of a file. */
export interface PromptLine {
  /** `file:line`, for errors. */
  place: string;
  ids: readonly number[];
}

/**
 * Reads a prompt a line; blank lines are skipped.
 *
 * @param read makes ids of a line's text; what it refuses is told with the line
 * @throws UserError
 */
export function readPromptsFile(
  path: string,
  read: (text: string) => readonly number[],
): PromptLine[] {
  const lines = readText(path).split(/\r\n?|\n/);
  const prompts = lines.flatMap((text, i): PromptLine[] => {
    if (text.trim() === '') return [];
    const place = `${basename(path)}:${i + 1}`;
    return [{ place, ids: telling(place, () => read(text)) }];
  });
  demand(prompts.length > 0, `${path}: holds no prompt; write one a line`);
  return prompts;
}

/** Reads comma-separated ids, for models without a tokenizer. */
export function readIdLine(text: string): number[] {
  return text.split(',').map((part) => {
    const id = part.trim();
    demand(
      /^\d+$/.test(id),
      `'${id}' is no token id; this model has no tokenizer.json, so a prompt is a line of comma-separated ids`,
    );
    return Number(id);
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UserError(`${path}: cannot be read (${reasonOf(error)})`);
  }
}

function telling<T>(place: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.message}`);
    throw error;
  }
}
