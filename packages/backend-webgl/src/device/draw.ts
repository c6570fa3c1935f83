import type { TensorView } from '../tensors/input.js';
import type { Program } from './program.js';
import type { TextureArray } from './texture_array.js';

/** Values of uniforms by name: integers, or vectors of them by their length. */
export type Uniforms = Readonly<Record<string, number | readonly number[]>>;

/** What a program reads. */
export interface Bindings {
  readonly arrays?: Readonly<Record<string, TextureArray | undefined>>;
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

/** Makes `program` current and binds what it reads. */
export function bind(gl: WebGL2RenderingContext, program: Program, bindings: Bindings): void {
  gl.useProgram(program.handle);
  let unit = 0;
  for (const [name, array] of Object.entries(bindings.arrays ?? {})) {
    const place = program.place(name);
    if (array === undefined || place === null) continue;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, array.texture);
    gl.uniform1i(place, unit++);
  }
  for (const [name, view] of Object.entries(bindings.tensors ?? {})) {
    const place = program.place(name);
    if (view === undefined || place === null) continue;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, view.texture);
    gl.uniform1i(place, unit++);
    gl.uniform2i(program.place(`${name}View`), view.width, view.offset);
  }
  const { params } = bindings;
  if (params !== undefined) {
    gl.uniform1fv(program.place('paramFloats'), params.floats);
    gl.uniform1iv(program.place('paramInts'), params.ints);
  }
  setInts(gl, program, bindings.ints ?? {});
}

/** Sets integer uniforms of the current program. */
export function setInts(gl: WebGL2RenderingContext, program: Program, ints: Uniforms): void {
  for (const [name, value] of Object.entries(ints)) {
    const place = program.place(name);
    if (place === null) continue;
    if (typeof value === 'number') gl.uniform1i(place, value);
    else if (value.length === 2) gl.uniform2iv(place, value);
    else if (value.length === 3) gl.uniform3iv(place, value);
    else gl.uniform4iv(place, value);
  }
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
