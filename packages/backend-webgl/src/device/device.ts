import { DeviceError, UnsupportedError } from '@tfjs-attention/core/provider';
import { asWebGlBackend, type WebGlBackend } from '../tensors/tfjs_backend.js';
import { readLimits, reasonsAgainst, type Limits } from './limits.js';
import { TexturePool } from './pool.js';
import { Program } from './program.js';

/** Everything of ours that lives in one tfjs backend object's WebGL context. */
export class Device {
  readonly limits: Limits;
  readonly pool: TexturePool;
  private readonly programs = new Map<string, Program>();
  private readonly named = new Map<string, Program>();
  /** For framebuffers around tfjs's textures. */
  private readonly target: WebGLFramebuffer;
  private readonly vertexArray: WebGLVertexArrayObject;

  private constructor(
    readonly tfjs: WebGlBackend,
    readonly gl: WebGL2RenderingContext,
  ) {
    this.limits = readLimits(gl);
    this.pool = new TexturePool(gl, (bytes) => {
      tfjs.textureManager._numBytesAllocated += bytes;
    });
    this.target = gl.createFramebuffer();
    this.vertexArray = gl.createVertexArray();
  }

  /** @throws DeviceError after a lost context; UnsupportedError on WebGL 1. */
  static of(op: string, backend: object): Device {
    const tfjs = asWebGlBackend(backend);
    const { gl } = tfjs.gpgpu;
    if (gl.isContextLost()) {
      throw new DeviceError(
        `${op}: the WebGL context is lost, and all tensors and caches in it; call tf.removeBackend and tf.setBackend ` +
          'again, then make new ones',
      );
    }
    const found = devices.get(backend);
    if (found !== undefined) return found;
    const reasons = reasonsAgainst(gl);
    if (reasons.length > 0) throw new UnsupportedError(op, reasons);
    const device = new Device(tfjs, gl);
    devices.set(backend, device);
    return device;
  }

  /** Programs linked so far. */
  get programCount(): number {
    return this.programs.size;
  }

  /** The program of two texts, linked at first use. */
  program(label: string, vertexText: string, fragmentText: string): Program {
    const key = vertexText + fragmentText;
    let program = this.programs.get(key);
    if (program === undefined) {
      program = new Program(this.gl, label, vertexText, fragmentText);
      this.programs.set(key, program);
    }
    return program;
  }

  /** A program by a name that stands for its texts, which are composed at first use. */
  namedProgram(name: string, texts: () => readonly [vertex: string, fragment: string]): Program {
    let program = this.named.get(name);
    if (program === undefined) {
      program = this.program(name, ...texts());
      this.named.set(name, program);
    }
    return program;
  }

  /** Adds bytes of ours to what tf.memory() counts. */
  count(bytes: number): void {
    this.tfjs.numBytesInGPU += bytes;
    this.tfjs.textureManager._numBytesAllocated += bytes;
  }

  /** Binds a tfjs texture as the only target. */
  aimAt(texture: WebGLTexture): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  }

  /** Runs draws of ours between two of tfjs's, timed as tfjs times its own. */
  run(label: string, draws: () => void): void {
    const { gl, tfjs } = this;
    const query = tfjs.activeTimers == null ? undefined : tfjs.startTimer();
    gl.bindVertexArray(this.vertexArray);
    try {
      draws();
    } finally {
      gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, null, 0);
      gl.bindFramebuffer(gl.FRAMEBUFFER, tfjs.gpgpu.framebuffer);
      gl.bindVertexArray(null);
      if (query !== undefined) {
        tfjs.activeTimers?.push({ name: label, query: tfjs.getQueryTime(tfjs.endTimer(query)) });
      }
    }
  }
}

const devices = new WeakMap<object, Device>();

/** The device of a backend object if kernels ran there. */
export function deviceIfUp(backend: object): Device | undefined {
  return devices.get(backend);
}
