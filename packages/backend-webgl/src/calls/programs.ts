import type { Device } from '../device/device.js';
import type { Program } from '../device/program.js';
import { compose, type Constants } from '../shaders/compose.js';
import { FILES } from '../shaders/files.js';

/** Vertices of a draw over a whole target. */
export const COVER = compose('webgl/cover.glsl', FILES, {}, [], '');
const SCATTER = compose('webgl/scatter.glsl', FILES, {}, [], '');

/** A program that runs once a texel of its target. */
export function coverProgram(
  device: Device,
  file: string,
  constants?: Constants,
  flags?: readonly string[],
): Program {
  return device.program(file, COVER, fragment(file, constants, flags));
}

/** A program that runs once a point; kernels/webgl/scatter.glsl places them. */
export function pointProgram(
  device: Device,
  file: string,
  constants?: Constants,
  flags?: readonly string[],
): Program {
  return device.program(file, SCATTER, fragment(file, constants, flags));
}

function fragment(file: string, constants: Constants = {}, flags: readonly string[] = []): string {
  return compose(`webgl/${file}.glsl`, FILES, constants, flags, '');
}
