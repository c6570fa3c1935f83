// Vulkan drivers for Dawn in Node where the machine has no GPU: SwiftShader out of Chromium's folder and Mesa's lavapipe.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from '../root.mjs';
import { step } from '../steps.mjs';
import { fetchLavapipe, findLavapipe } from './lavapipe.mjs';

const LOADER = 'libvulkan.so.1';
const SYSTEM = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
];

/** Where Debian, Ubuntu and Google put what Chromium consists of. */
const CHROMIUM = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/**
 * Environment variables with which a child process finds a Vulkan loader and the software drivers, beside the system's.
 * Outside Linux none are needed.
 */
export function webGpuEnvironment() {
  if (process.platform !== 'linux') return {};
  const swiftShader = CHROMIUM.find((folder) =>
    existsSync(join(folder, 'vk_swiftshader_icd.json')),
  );
  const lavapipe = findLavapipe();
  const drivers = [
    swiftShader && join(swiftShader, 'vk_swiftshader_icd.json'),
    lavapipe?.icd,
    process.env.VK_ADD_DRIVER_FILES,
  ];
  const libraries = [
    lavapipe?.libraries,
    hasLoader([lavapipe?.libraries, ...SYSTEM]) ? undefined : loaderOf(swiftShader),
    process.env.LD_LIBRARY_PATH,
  ];
  return {
    ...listed('VK_ADD_DRIVER_FILES', drivers),
    ...listed('LD_LIBRARY_PATH', libraries),
    // Mesa warns of a missing one.
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? join(root, 'node_modules/.tfjs-attention'),
  };
}

function listed(name, values) {
  const present = values.filter(Boolean);
  return present.length === 0 ? {} : { [name]: present.join(delimiter) };
}

const hasLoader = (folders) =>
  folders.some((folder) => folder !== undefined && existsSync(join(folder, LOADER)));

/** Chromium's Vulkan loader in a folder without Chromium's other libraries. */
function loaderOf(chromium) {
  if (chromium === undefined || !hasLoader([chromium])) return undefined;
  const folder = join(root, 'node_modules/.tfjs-attention/vulkan');
  mkdirSync(folder, { recursive: true });
  const link = join(folder, LOADER);
  if (!existsSync(link)) symlinkSync(join(chromium, LOADER), link);
  return folder;
}

/** Fetches lavapipe where apt can. What cannot be had is said; in CI it is a failure. */
export async function setUpWebGpuDrivers() {
  if (process.platform !== 'linux' || findLavapipe() !== undefined) return;
  try {
    await step("lavapipe, Mesa's software Vulkan driver (20 MB through apt)", async () => {
      await fetchLavapipe();
      return true;
    });
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`no lavapipe: ${error.message.split('\n')[0]}\n`);
  }
}
