import type { TensorView } from '../tensors/input.js';
import type { Program } from './program.js';
import type { Readable } from './sheets.js';

/** Values of uniforms by name: integers, or vectors of them by their length. */
export type Uniforms = Readonly<Record<string, number | readonly number[]>>;

/** What a program reads. */
export interface Bindings {
  readonly arrays?: Readonly<Record<string, Readable | undefined>>;
  readonly tensors?: Readonly<Record<string, TensorView | undefined>>;
  readonly ints?: Uniforms;
  readonly params?: { readonly floats: Float32Array; readonly ints: Int32Array };
}

/** A rectangle of a target. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Makes `program` current and binds what it reads. What a uniform holds already is not set again. */
export function bind(gl: WebGL2RenderingContext, program: Program, bindings: Bindings): void {
  gl.useProgram(program.handle);
  const { arrays, tensors, params, ints } = bindings;
  let unit = 0;
  for (const name in arrays) {
    const array = arrays[name];
    if (array === undefined || program.place(name) === null) continue;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(array.target, array.texture);
    setInt(gl, program, name, unit++);
  }
  for (const name in tensors) {
    const view = tensors[name];
    if (view === undefined || program.place(name) === null) continue;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, view.texture);
    setInt(gl, program, name, unit++);
    setInt(gl, program, `${name}View`, [view.width, view.offset]);
  }
  if (params !== undefined) {
    if (program.takes('paramFloats', params.floats)) {
      gl.uniform1fv(program.place('paramFloats'), params.floats);
    }
    if (program.takes('paramInts', params.ints)) {
      gl.uniform1iv(program.place('paramInts'), params.ints);
    }
  }
  if (ints !== undefined) setInts(gl, program, ints);
}

/** Sets integer uniforms of the current program. */
export function setInts(gl: WebGL2RenderingContext, program: Program, ints: Uniforms): void {
  for (const name in ints) setInt(gl, program, name, ints[name]);
}

function setInt(
  gl: WebGL2RenderingContext,
  program: Program,
  name: string,
  value: Uniforms[string],
): void {
  if (!program.takes(name, value)) return;
  const place = program.place(name);
  if (typeof value === 'number') gl.uniform1i(place, value);
  else if (value.length === 2) gl.uniform2iv(place, value);
  else if (value.length === 3) gl.uniform3iv(place, value);
  else gl.uniform4iv(place, value);
}

/** Runs the current program once for every texel of an area of the bound framebuffer. */
export function drawArea(gl: WebGL2RenderingContext, { x, y, width, height }: Area): void {
  gl.viewport(x, y, width, height);
  gl.scissor(x, y, width, height);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

/** Runs the current program once a point; the vertex shader says where. */
export function drawPoints(
  gl: WebGL2RenderingContext,
  { x, y, width, height }: Area,
  count: number,
): void {
  gl.viewport(x, y, width, height);
  gl.scissor(x, y, width, height);
  gl.drawArrays(gl.POINTS, 0, count);
}
