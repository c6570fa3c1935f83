// Where a page of tests runs: which browser, which driver, in the page or in a Worker.
import { openPage, type Device } from './chromium.js';
import { findFirefox, type Firefox } from './firefox.js';

export type Venue =
  | { kind: 'chromium'; name: string; devices: readonly Device[]; place: 'page' | 'worker' }
  | { kind: 'firefox'; name: string; firefox: Firefox };

export interface Venues {
  open: readonly Venue[];
  /** Those that this machine has not, with the reason. */
  absent: readonly { name: string; reason: string }[];
}

/** Pages without WebGL run once, as they ask. */
export function plainVenue(devices: readonly Device[] = []): Venue {
  return { kind: 'chromium', name: 'Chromium', devices, place: 'page' };
}

/** Pages that ask for WebGL run on every driver and browser that is here. */
export async function webGlVenues(chromium: string): Promise<Venues> {
  const open: Venue[] = [
    { kind: 'chromium', name: 'SwiftShader', devices: ['webgl'], place: 'page' },
  ];
  const absent: { name: string; reason: string }[] = [];
  const renderer = await eglRenderer(chromium);
  const hasEgl = renderer !== undefined && !/swiftshader/i.test(renderer);
  if (hasEgl) open.push({ kind: 'chromium', name: renderer, devices: ['egl'], place: 'page' });
  else {
    const reason = 'no EGL driver (Debian: libegl1, libgl1-mesa-dri)';
    absent.push({ name: "Mesa's llvmpipe", reason });
  }
  const devices = [hasEgl ? ('egl' as const) : ('webgl' as const)];
  open.push({ kind: 'chromium', name: 'Worker', devices, place: 'worker' });
  const firefox = findFirefox();
  if (typeof firefox === 'string') absent.push({ name: 'Firefox', reason: firefox });
  else open.push({ kind: 'firefox', name: 'Firefox', firefox });
  return { open, absent };
}

/** The renderer's name as Chromium gives it, short; undefined where there is no WebGL 2. */
async function eglRenderer(chromium: string): Promise<string | undefined> {
  const { page, close } = await openPage(chromium, 'about:blank', ['egl']);
  try {
    const name = await page.evaluate(() => {
      const gl = document.createElement('canvas').getContext('webgl2');
      const info = gl?.getExtension('WEBGL_debug_renderer_info');
      return gl && info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : null;
    });
    return name === null ? undefined : (/llvmpipe/.exec(name)?.[0] ?? name);
  } finally {
    await close();
  }
}
