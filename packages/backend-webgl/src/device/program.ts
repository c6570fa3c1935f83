import { DeviceError } from '@tfjs-attention/core/provider';

/** A linked program with the places of its uniforms. */
export class Program {
  readonly handle: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();
  private readonly values = new Map<string, number | ArrayLike<number>>();

  /** @throws DeviceError with the driver's words where it does not compile. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    readonly label: string,
    vertexText: string,
    fragmentText: string,
  ) {
    const shaders = [
      this.shader(gl.VERTEX_SHADER, vertexText),
      this.shader(gl.FRAGMENT_SHADER, fragmentText),
    ];
    this.handle = gl.createProgram();
    for (const shader of shaders) gl.attachShader(this.handle, shader);
    gl.linkProgram(this.handle);
    if (gl.getProgramParameter(this.handle, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
      const logs = [
        gl.getProgramInfoLog(this.handle),
        ...shaders.map((s) => gl.getShaderInfoLog(s)),
      ];
      throw new DeviceError(`WebGL program '${label}' does not link: ${logs.join(' ').trim()}`);
    }
    for (const shader of shaders) gl.deleteShader(shader);
  }

  private shader(type: number, text: string): WebGLShader {
    const { gl } = this;
    const shader = gl.createShader(type);
    if (shader === null) throw new DeviceError(`WebGL gives no shader for '${this.label}'`);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    return shader;
  }

  /** Whether the program uses a uniform and it has another value than `value`, which it is taken to get now. */
  takes(name: string, value: number | ArrayLike<number>): boolean {
    if (this.place(name) === null) return false;
    const last = this.values.get(name);
    if (last !== undefined && isSame(last, value)) return false;
    this.values.set(name, typeof value === 'number' ? value : Array.from(value));
    return true;
  }

  /** Where a uniform lies; null where the program does not use it. */
  place(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.gl.getUniformLocation(this.handle, name);
      this.places.set(name, place);
    }
    return place;
  }
}

function isSame(a: number | ArrayLike<number>, b: number | ArrayLike<number>): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return a.length === b.length;
}
