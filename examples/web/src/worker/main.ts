// The worker: holds model and cache, one run at a time.
import type { FromWorker, ToWorker } from '../protocol.js';
import { prepareBackends } from './backends.js';
import { downloadModel } from './download.js';
import { Session } from './session.js';

const tell = (message: FromWorker): void => postMessage(message);
let running: AbortController | undefined;
let session: Session | undefined;

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => void answer(data));
await guarded(async () => {
  const backends = await prepareBackends();
  const files = await downloadModel((done, total) =>
    tell({ kind: 'loading', what: 'model', done, total }),
  );
  session = new Session(files, tell);
  tell({ kind: 'loaded', model: session.facts, backends });
});

async function answer(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'run':
      await guarded(() => run(message));
      break;
    case 'stop':
      running?.abort();
      break;
    case 'look':
      await guarded(() => loaded().look(message.layer, message.position));
      break;
    default:
      message satisfies never;
  }
}

async function run({ settings }: Extract<ToWorker, { kind: 'run' }>): Promise<void> {
  if (running !== undefined) throw new Error('a run is under way: stop it first');
  running = new AbortController();
  try {
    await loaded().run(settings, running.signal);
  } finally {
    running = undefined;
  }
}

function loaded(): Session {
  if (session === undefined) throw new Error('the model is not loaded');
  return session;
}

/** Shows what goes wrong in the page; a failed run leaves the worker ready for the next. */
async function guarded(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}
