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
  return program(device, COVER, file, constants, flags);
}

/** A program that runs once a point; kernels/webgl/scatter.glsl places them. */
export function pointProgram(
  device: Device,
  file: string,
  constants?: Constants,
  flags?: readonly string[],
): Program {
  return program(device, SCATTER, file, constants, flags);
}

function program(
  device: Device,
  vertexText: string,
  file: string,
  constants: Constants = {},
  flags: readonly string[] = [],
): Program {
  let name = `${file} ${flags.join()}`;
  for (const key in constants) name += ` ${constants[key]}`;
  return device.namedProgram(name, () => [
    vertexText,
    compose(`webgl/${file}.glsl`, FILES, constants, flags, ''),
  ]);
}
