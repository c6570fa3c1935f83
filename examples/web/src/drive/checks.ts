import { backgroundOf, choose, generateText, waitForStatus, weightsOf } from './actions.js';
import { equal, matches, type Check } from './check.js';

/** A prompt and its greedy continuation by Hugging Face. */
export interface Reference {
  prompt: string;
  greedyText: string;
}

/** Tokens that a test may take on a software GPU. */
const FEW = 6;

const start = (text: string, length: number) => text.slice(0, length);

/** Everything that the page is held to. */
export function checksFor({ prompt, greedyText }: Reference): Check[] {
  const textOn = (backend: string, maxTokens: number): Check => ({
    name: `the text on '${backend}' is the reference's`,
    run: async (page) => {
      const text = await generateText(page, { backend, maxTokens, prompt });
      equal(text, start(greedyText, text.length), 'text');
      equal(text.length > prompt.length + maxTokens, true, 'longer than the prompt');
      matches(await page.innerText('#facts'), new RegExp(`${backend}: asked for`), 'facts');
    },
  });
  return [
    {
      name: 'the whole reference, with speed, cache use and reasons',
      run: async (page) => {
        equal(await generateText(page, { prompt, maxTokens: 64 }), greedyText, 'text');
        const facts = await page.innerText('#facts');
        matches(facts, /highest priority/, 'why the backend');
        matches(facts, /not cpu: lower priority/, 'why not the others');
        matches(facts, /on FUSED: WASM/, 'kernels');
        matches(facts, /not COMPOSED: /, 'why not composed ops');
        matches(facts, /decode\s+63 tokens in/, 'speed');
        const drawn = await page.getAttribute('#speed polyline', 'points');
        equal(drawn?.split(' ').length, 2 * 63, 'points of the speed curve');
        matches((await page.textContent('#cache')) ?? '', /cache used, KiB/, 'axis');
      },
    },
    textOn('wasm', 20),
    textOn('cpu', 8),
    textOn('webgl', FEW),
    { ...textOn('webgpu', FEW), devices: ['webgpu'] },
    {
      name: 'menus: what is not there cannot be taken, cache types can',
      run: async (page) => {
        const webgpu = page.locator('#backend option[value=webgpu]');
        equal(await webgpu.isDisabled(), true, 'webgpu disabled');
        matches((await webgpu.textContent()) ?? '', /not in this browser/, 'webgpu');
        const kvCacheDtype = 'int8_per_token_head';
        const text = await generateText(page, { backend: 'wasm', kvCacheDtype, maxTokens: 8 });
        equal(text, start(greedyText, text.length), 'text');
        matches(await page.innerText('#facts'), /int8_per_token_head, \d+ blocks/, 'facts');
      },
    },
    {
      name: 'a seed repeats a random text',
      run: async (page) => {
        await page.selectOption('#sampling', 'random');
        await page.fill('#temperature', '1.5');
        await page.fill('#seed', '7');
        const choices = { backend: 'wasm', maxTokens: 12 };
        const first = await generateText(page, choices);
        equal(await generateText(page, choices), first, 'the same seed');
        await page.fill('#seed', '8');
        equal((await generateText(page, choices)) === first, false, 'another seed is the same');
      },
    },
    {
      name: 'keys: Enter runs, Escape stops, and the next run works',
      run: async (page) => {
        await choose(page, { backend: 'cpu', maxTokens: 900 });
        await page.focus('#prompt');
        await page.keyboard.press('Enter');
        await waitForStatus(page, /^[1-9]\d* tokens$/);
        await page.keyboard.press('Escape');
        const [, count] =
          /^stopped: (\d+) tokens/.exec(await waitForStatus(page, /^stopped: /)) ?? [];
        equal(Number(count) > 0 && Number(count) < 900, true, `stopped after ${count}`);
        const text = await generateText(page, { backend: 'wasm', maxTokens: 4, prompt });
        equal(text, start(greedyText, text.length), 'text of the next run');
      },
    },
    {
      name: 'attention: weights of every head sum to 1, and a key becomes the query',
      run: async (page) => {
        await generateText(page, { backend: 'wasm', maxTokens: 8, prompt });
        await page.waitForSelector('#keys [aria-current=true]');
        const shown = new Set<string>();
        for (const [layer, head, query] of [
          [0, 0, 11],
          [3, 5, 11],
          [3, 4, 11],
          [1, 2, 6],
          [2, 0, 0],
        ]) {
          const weights = await weightsOf(page, layer, head, query);
          equal(weights.length, query + 1, 'keys');
          const sum = weights.reduce((a, b) => a + b, 0);
          equal(
            Math.abs(sum - 1) < 1e-5,
            true,
            `weights of ${layer}/${head}/${query} sum to ${sum}`,
          );
          shown.add(String(weights));
        }
        equal(shown.size, 5, 'different weights');
        await weightsOf(page, 0, 0, 9);
        await page.click('#keys li:nth-child(5) button');
        await page.waitForSelector('#keys li:nth-child(5):last-child [aria-current=true]');
        matches(await page.innerText('#attention-summary'), /at 4 looks most at/, 'summary');
      },
    },
    {
      name: 'light and dark: as the system says, until the button says otherwise',
      run: async (page) => {
        const themed = (theme: string) => page.waitForSelector(`html[data-theme=${theme}]`);
        await page.emulateMedia({ colorScheme: 'light' });
        await themed('light');
        const light = await backgroundOf(page);
        await page.emulateMedia({ colorScheme: 'dark' });
        await themed('dark');
        const dark = await backgroundOf(page);
        equal(dark === light, false, 'dark is light');
        await page.click('#theme');
        equal(await backgroundOf(page), light, 'light by the button');
        await page.reload();
        equal(await backgroundOf(page), light, 'remembered');
        await page.click('#theme');
        equal(await backgroundOf(page), dark, 'dark by the button');
      },
    },
    {
      name: 'errors are said in the page, which goes on',
      run: async (page) => {
        await choose(page, { prompt: 'word '.repeat(1200), backend: 'wasm' });
        await page.click('#run');
        await page.waitForSelector('#error:not([hidden])');
        matches(await page.innerText('#error'), /exceed the 1024 positions/, 'error');
        const text = await generateText(page, { prompt, maxTokens: 4 });
        equal(text, start(greedyText, text.length), 'text');
        equal(await page.isHidden('#error'), true, 'the error is gone');
      },
    },
    {
      name: 'the page is isolated, and every control has a name',
      run: async (page) => {
        equal(await page.evaluate(() => crossOriginIsolated), true, 'crossOriginIsolated');
        const nameless = await page.$$eval('input, select, textarea', (controls) =>
          controls
            .filter((control) => (control as HTMLInputElement).labels?.length === 0)
            .map(({ id }) => id),
        );
        equal(nameless, [], 'controls without a label');
      },
    },
  ];
}
