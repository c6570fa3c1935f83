/** How a name of vLLM stands here. */
export const STATUSES = ['same', 'adapted', 'later', 'not applicable'] as const;
export type Status = (typeof STATUSES)[number];

export interface ParityRow {
  /** vLLM's module, e.g. `vllm/attention/selector.py`. */
  module: string;
  /** vLLM's name, members as `Class.member`. */
  name: string;
  status: Status;
  /** Our name, or '' where there is none. */
  here: string;
  /** Why it is not the same. */
  note: string;
}

/** Reads the tables of docs/vllm-parity.md: a heading `## `module`` and rows `| name | status | here | note |`. */
export function readParityTable(markdown: string): ParityRow[] {
  const rows: ParityRow[] = [];
  let module = '';
  for (const line of markdown.split('\n')) {
    const heading = /^## `(.+)`$/.exec(line);
    if (heading) module = heading[1];
    if (module === '' || !line.startsWith('| `')) continue;
    const [name, status, here, note] = line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('`', ''));
    if (!(STATUSES as readonly string[]).includes(status)) {
      throw new Error(`${module} ${name}: '${status}' is not one of ${STATUSES.join(', ')}`);
    }
    rows.push({ module, name, status: status as Status, here, note });
  }
  return rows;
}
