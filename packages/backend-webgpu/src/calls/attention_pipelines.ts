import { specKey, type AttentionSpec } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import type { Pipeline } from '../device/pipelines.js';
import { tileShape, type TileShape } from '../schedule/tile_shape.js';
import { planOperands, type OperandPlan } from '../shaders/operand_plan.js';
import { attentionShader, type AttentionStage } from '../shaders/variant.js';

/** The pipelines of a spec, each compiled when it is first asked for. */
export class AttentionPipelines {
  readonly shape: TileShape;
  readonly operands: OperandPlan;
  private readonly label: string;

  constructor(
    private readonly device: Device,
    private readonly spec: AttentionSpec,
    maxRows: number,
    segmented: boolean,
  ) {
    this.shape = tileShape(spec, maxRows, device.limits);
    this.operands = planOperands(spec, segmented, device.limits.storageBuffers);
    const { skeleton, rows, keys } = this.shape;
    this.label = `${skeleton} ${rows}x${keys} ${specKey(spec)}${segmented ? ' segmented' : ''}`;
  }

  get(stage: AttentionStage): Pipeline {
    return this.device.pipelines.get(`${stage} ${this.label}`, () => this.shader(stage));
  }

  prepare(stage: AttentionStage): Promise<void> {
    return this.device.pipelines.prepare(`${stage} ${this.label}`, () => this.shader(stage));
  }

  private shader(stage: AttentionStage) {
    return attentionShader(stage, this.spec, this.shape, this.operands);
  }
}

/** Shapes do not change beyond. */
const MANY_ROWS = 128;

const known = new WeakMap<Device, Map<string, AttentionPipelines>>();

/** The pipelines for calls that bring `maxRows` rows a sequence and KV head at most. */
export function attentionPipelines(
  device: Device,
  spec: AttentionSpec,
  maxRows: number,
  segmented: boolean,
): AttentionPipelines {
  let ofDevice = known.get(device);
  if (ofDevice === undefined) {
    ofDevice = new Map();
    known.set(device, ofDevice);
  }
  const rows = Math.min(maxRows, MANY_ROWS);
  const key = `${rows} ${segmented} ${specKey(spec)}`;
  let found = ofDevice.get(key);
  if (found === undefined) {
    found = new AttentionPipelines(device, spec, rows, segmented);
    ofDevice.set(key, found);
  }
  return found;
}
