// What a user does with the page.
import type { Page } from 'playwright-core';

const A_WHILE = 120_000;

export interface Choices {
  backend?: string;
  kvCacheDtype?: string;
  maxTokens?: number;
  prompt?: string;
}

export async function choose(page: Page, choices: Choices): Promise<void> {
  const { backend, kvCacheDtype, maxTokens, prompt } = choices;
  if (backend !== undefined) await page.selectOption('#backend', backend);
  if (kvCacheDtype !== undefined) await page.selectOption('#kv-cache-dtype', kvCacheDtype);
  if (maxTokens !== undefined) await page.fill('#max-tokens', String(maxTokens));
  if (prompt !== undefined) await page.fill('#prompt', prompt);
}

/** Waits for a status that matches; an error in the page ends the wait. */
export async function waitForStatus(page: Page, pattern: RegExp): Promise<string> {
  const status = await page.waitForFunction(
    (source) => {
      const text = document.getElementById('status')?.textContent ?? '';
      return text === 'failed' || new RegExp(source).test(text) ? text : null;
    },
    pattern.source,
    { timeout: A_WHILE },
  );
  const text = (await status.jsonValue()) as string;
  if (!pattern.test(text)) throw new Error(await page.innerText('#error'));
  return text;
}

/** Runs with these choices to the end; gives the text. */
export async function generateText(page: Page, choices: Choices): Promise<string> {
  await choose(page, choices);
  await page.click('#run');
  await waitForStatus(page, /^done: /);
  return (await page.textContent('#text')) ?? '';
}

/** The weights that the attention view shows for a choice of layer, head and query. */
export async function weightsOf(
  page: Page,
  layer: number,
  head: number,
  query: number,
): Promise<number[]> {
  await page.selectOption('#layer', String(layer));
  await page.selectOption('#head', String(head));
  await page.selectOption('#query', String(query));
  await page.waitForSelector(`#keys li:nth-child(${query + 1}):last-child [aria-current=true]`);
  return page.$$eval('#keys button', (keys) => keys.map(({ dataset }) => Number(dataset.weight)));
}

export const backgroundOf = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);
