// A headless Chromium with one page of a server, and the flags that give it software devices.
import { chromium, type Page } from 'playwright-core';

export const DEVICE_FLAGS = {
  none: [],
  webgl: ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  /** The system's own driver through EGL: Mesa's llvmpipe where there is no GPU. */
  egl: ['--use-gl=angle', '--use-angle=gl-egl', '--ignore-gpu-blocklist'],
  webgpu: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
} as const;

export type Device = keyof typeof DEVICE_FLAGS;

const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface OpenPage {
  page: Page;
  close: () => Promise<void>;
}

/** Starts the browser at `executablePath` and opens `url`; `onMessage` gets its console and its errors. */
export async function openPage(
  executablePath: string,
  url: string,
  devices: readonly Device[] = [],
  onMessage: (text: string) => void = () => undefined,
): Promise<OpenPage> {
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [...QUIET_FLAGS, ...devices.flatMap((device) => DEVICE_FLAGS[device])],
  });
  const page = await browser.newPage();
  page.on('console', (message) => onMessage(message.text()));
  page.on('pageerror', (error) => onMessage(String(error)));
  await page.goto(`${url}/`);
  return { page, close: () => browser.close() };
}
