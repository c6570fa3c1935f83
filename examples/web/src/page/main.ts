// The page: sends settings to the worker and shows what comes back.
import type { FromWorker, ToWorker } from '../protocol.js';
import { AttentionView } from './attention_view.js';
import { byId } from './elements.js';
import { addFacts, showFacts } from './fact_list.js';
import { LinePlot } from './line_plot.js';
import { readSettings, showBackends, startForm } from './settings_form.js';
import { appendText, endText, startText } from './text_view.js';
import { startTheme } from './theme.js';

const status = byId('status', HTMLParagraphElement);
const problem = byId('error', HTMLParagraphElement);
const runButton = byId('run', HTMLButtonElement);
const stopButton = byId('stop', HTMLButtonElement);

const worker = new Worker('worker.js', { type: 'module' });
const send = (message: ToWorker): void => worker.postMessage(message);

const attention = new AttentionView((layer, position) => send({ kind: 'look', layer, position }));
const speed = new LinePlot(byId('speed', SVGSVGElement), {
  xLabel: 'new tokens',
  yLabel: 'tokens/s',
});
const cache = new LinePlot(byId('cache', SVGSVGElement), {
  xLabel: 'new tokens',
  yLabel: 'cache used, KiB',
});

/** The run that is shown. */
let shown = { tokens: [] as string[], lastMs: 0, newTokens: 0, cacheBytes: 0 };

startTheme();
startForm(run);
stopButton.addEventListener('click', stop);
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') stop();
});
worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => show(data));
worker.addEventListener('error', ({ message }) => fail(message || 'the worker did not start'));

function run(): void {
  if (runButton.disabled) return;
  problem.hidden = true;
  setRunning(true);
  status.textContent = 'starting';
  attention.close();
  const settings = readSettings();
  startText(settings.prompt);
  send({ kind: 'run', settings });
}

function stop(): void {
  if (!stopButton.disabled) send({ kind: 'stop' });
}

function show(message: FromWorker): void {
  switch (message.kind) {
    case 'loading':
      status.textContent = `loading: ${message.what}, ${Math.floor((100 * message.done) / message.total)} %`;
      break;
    case 'loaded':
      showModel(message);
      break;
    case 'started':
      shown = {
        tokens: [...message.tokens],
        lastMs: 0,
        newTokens: 0,
        cacheBytes: message.cacheBytes,
      };
      showFacts(message.rows);
      speed.clear();
      cache.clear(message.cacheBytes / 1024);
      status.textContent = 'reading the prompt';
      break;
    case 'token':
      showToken(message);
      break;
    case 'done':
      finish(message);
      break;
    case 'attention':
      attention.show(message);
      break;
    case 'failed':
      fail(message.message);
      break;
    default:
      message satisfies never;
  }
}

function showModel({ model, backends }: Extract<FromWorker, { kind: 'loaded' }>): void {
  const { name, architecture, numLayers, numHeads, maxPositions } = model;
  byId('model', HTMLParagraphElement).textContent =
    `${name}: ${architecture}, ${numLayers} layers of ${numHeads} heads, ${maxPositions} positions`;
  byId('max-tokens', HTMLInputElement).max = String(maxPositions);
  showBackends(backends);
  attention.setModel(numLayers, numHeads);
  setRunning(false);
  status.textContent = 'ready';
}

function showToken({ text, token, ms, usedBytes }: Extract<FromWorker, { kind: 'token' }>): void {
  appendText(text);
  shown.tokens.push(token);
  shown.newTokens++;
  // The first token's time is the prompt's.
  if (shown.newTokens > 1) speed.add(1000 / Math.max(ms - shown.lastMs, 0.01));
  shown.lastMs = ms;
  cache.add(usedBytes / 1024);
  status.textContent = `${shown.newTokens} tokens`;
}

function finish({ text, rows, stopped, numStored }: Extract<FromWorker, { kind: 'done' }>): void {
  appendText(text);
  endText();
  addFacts(rows);
  const speeds = rows.map(([label, value]) => `${label} ${value}`).join('; ');
  speed.describe(`Tokens a second over ${shown.newTokens} tokens: ${speeds}`);
  cache.describe(`Cache use, of ${Math.round(shown.cacheBytes / 1024)} KiB`);
  setRunning(false);
  status.textContent = `${stopped ? 'stopped' : 'done'}: ${shown.newTokens} tokens; ${speeds}`;
  attention.open(shown.tokens.slice(0, numStored));
}

function fail(message: string): void {
  problem.textContent = message;
  problem.hidden = false;
  endText();
  setRunning(false);
  status.textContent = 'failed';
}

function setRunning(running: boolean): void {
  runButton.disabled = running;
  stopButton.disabled = !running;
}
