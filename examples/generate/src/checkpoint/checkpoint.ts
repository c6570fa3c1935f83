import type { CheckpointFiles } from './files.js';
import { JsonObject } from './json_object.js';
import { SafetensorsFile, type PieceVisitor } from './safetensors.js';
import { demand } from '../user_error.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** The weights of a checkpoint directory, in one file or in shards that an index names. */
export class Checkpoint {
  private readonly asked = new Set<string>();

  private constructor(
    /** The file that says what tensors there are. */
    readonly source: string,
    private readonly shards: readonly SafetensorsFile[],
    private readonly shardOf: (tensor: string) => SafetensorsFile | undefined,
  ) {}

  /** @throws UserError naming the file that is missing or malformed. */
  static open(files: CheckpointFiles): Checkpoint {
    if (!files.has(SINGLE) && files.has(INDEX)) return Checkpoint.openShards(files);
    const file = new SafetensorsFile(files.open(SINGLE));
    return new Checkpoint(file.path, [file], (tensor) => (file.has(tensor) ? file : undefined));
  }

  private static openShards(files: CheckpointFiles): Checkpoint {
    const index = files.pathOf(INDEX);
    const map = JsonObject.read(files, INDEX).object('weight_map');
    const shards = new Map<string, SafetensorsFile>();
    try {
      for (const tensor of Object.keys(map.values)) {
        const name = map.text(tensor);
        demand(
          /^[^/\\]+$/.test(name),
          `${index}: shard '${name}' must be a file of the same folder`,
        );
        if (!shards.has(name)) shards.set(name, new SafetensorsFile(files.open(name)));
      }
    } catch (error) {
      shards.forEach((file) => file.close());
      throw error;
    }
    return new Checkpoint(index, [...shards.values()], (tensor) =>
      map.has(tensor) ? shards.get(map.text(tensor)) : undefined,
    );
  }

  has(tensor: string): boolean {
    return this.shardOf(tensor) !== undefined;
  }

  /** Hands out a tensor as float32 in pieces; it must have the shape that the config asks for. */
  visit(tensor: string, shape: readonly number[], visitor: PieceVisitor): void {
    this.find(tensor, shape).visit(tensor, visitor);
  }

  /** A whole tensor as float32. */
  read(tensor: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
    const file = this.find(tensor, shape);
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    file.visit(tensor, (piece, start) => values.set(piece, start));
    return values;
  }

  /** A whole tensor of dtype U8. */
  readCodes(tensor: string, shape: readonly number[]): Uint8Array {
    return this.find(tensor, shape).readCodes(tensor);
  }

  /** Tensors that nobody has asked for. */
  unread(): string[] {
    return this.shards.flatMap((file) => file.names()).filter((name) => !this.asked.has(name));
  }

  close(): void {
    this.shards.forEach((file) => file.close());
  }

  private find(tensor: string, shape: readonly number[]): SafetensorsFile {
    this.asked.add(tensor);
    const file = this.shardOf(tensor);
    demand(file !== undefined, `${this.source}: has no tensor '${tensor}'`);
    const found = file.shapeOf(tensor);
    demand(
      found !== undefined,
      `${file.path}: has no tensor '${tensor}', though the index says so`,
    );
    demand(
      found.length === shape.length && found.every((size, axis) => size === shape[axis]),
      `${file.path}: tensor '${tensor}' has shape [${found.join(', ')}], config.json asks for [${shape.join(', ')}]`,
    );
    return file;
  }
}
