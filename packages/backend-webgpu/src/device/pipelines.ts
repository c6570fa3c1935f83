import type { Shader } from '../shaders/compose.js';

/** A compiled shader with what it wants bound. */
export interface Pipeline {
  readonly label: string;
  readonly handle: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly bindings: Shader['bindings'];
}

const BUFFER_TYPES = {
  uniform: 'uniform',
  read: 'read-only-storage',
  write: 'storage',
} as const satisfies Record<Shader['bindings'][number]['kind'], GPUBufferBindingType>;

/** All pipelines of one device. */
export class Pipelines {
  private readonly byText = new Map<string, Pipeline>();
  private readonly byName = new Map<string, Pipeline>();
  private readonly pending = new Map<string, Promise<void>>();

  constructor(private readonly gpu: GPUDevice) {}

  /** Pipelines compiled so far. */
  get count(): number {
    return this.byText.size;
  }

  /** The pipeline of a name that stands for a shader, which is composed and compiled at first use. */
  get(name: string, compose: () => Shader): Pipeline {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const shader = compose();
    let pipeline = this.byText.get(shader.text);
    if (pipeline === undefined) {
      const { layout, descriptor } = this.describe(name, shader);
      const handle = this.gpu.createComputePipeline(descriptor);
      pipeline = { label: name, handle, layout, bindings: shader.bindings };
      this.byText.set(shader.text, pipeline);
    }
    this.byName.set(name, pipeline);
    return pipeline;
  }

  /** Compiles ahead without a stall, so that `get` finds it. */
  async prepare(name: string, compose: () => Shader): Promise<void> {
    if (this.byName.has(name)) return;
    const shader = compose();
    let compiled = this.pending.get(shader.text);
    if (compiled === undefined && !this.byText.has(shader.text)) {
      compiled = this.compile(name, shader);
      this.pending.set(shader.text, compiled);
    }
    try {
      await compiled;
    } finally {
      this.pending.delete(shader.text);
    }
    const pipeline = this.byText.get(shader.text);
    if (pipeline !== undefined) this.byName.set(name, pipeline);
  }

  private async compile(name: string, shader: Shader): Promise<void> {
    const { layout, descriptor } = this.describe(name, shader);
    const handle = await this.gpu.createComputePipelineAsync(descriptor);
    this.byText.set(shader.text, { label: name, handle, layout, bindings: shader.bindings });
  }

  private describe(
    label: string,
    { text, bindings }: Shader,
  ): { layout: GPUBindGroupLayout; descriptor: GPUComputePipelineDescriptor } {
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: bindings.map(({ kind }, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: BUFFER_TYPES[kind] },
      })),
    });
    const module = this.gpu.createShaderModule({ label, code: text });
    return {
      layout,
      descriptor: {
        label,
        layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      },
    };
  }
}
