import { MemoryFiles } from '../../../generate/src/checkpoint/memory_files.js';

/** Written beside the page when it is served: what the checkpoint's directory holds, in bytes. */
export interface ModelListing {
  name: string;
  files: Readonly<Record<string, number>>;
}

/** Downloads a checkpoint's files one after another. `onBytes` hears of every piece. */
export async function downloadModel(
  onBytes: (done: number, total: number) => void,
): Promise<MemoryFiles> {
  const { name, files } = (await (await get('model.json')).json()) as ModelListing;
  const total = Object.values(files).reduce((sum, size) => sum + size, 0);
  const contents = new Map<string, Uint8Array>();
  let done = 0;
  for (const [file, size] of Object.entries(files)) {
    const bytes = new Uint8Array(size);
    let filled = 0;
    for await (const piece of piecesOf(await get(`model/${file}`))) {
      bytes.set(piece, filled);
      filled += piece.length;
      onBytes(done + filled, total);
    }
    if (filled < size) throw new Error(`model/${file}: got ${filled} of ${size} bytes`);
    contents.set(file, bytes);
    done += size;
  }
  return new MemoryFiles(name, contents);
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: the server answers ${response.status}`);
  return response;
}

async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
