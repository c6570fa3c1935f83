import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { JsonObject } from './json_object.js';
import { SafetensorsFile } from './safetensors.js';
import { demand } from './user_error.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** The weights of a checkpoint directory, in one file or in shards that an index names. */
export class Checkpoint {
  private constructor(
    /** The file that says what tensors there are. */
    private readonly source: string,
    private readonly shards: readonly SafetensorsFile[],
    private readonly shardOf: (tensor: string) => SafetensorsFile | undefined,
  ) {}

  /** @throws UserError naming the file that is missing or malformed. */
  static open(directory: string): Checkpoint {
    const single = join(directory, SINGLE);
    const index = join(directory, INDEX);
    if (existsSync(single) || !existsSync(index)) {
      const file = new SafetensorsFile(single);
      return new Checkpoint(single, [file], (tensor) => (file.has(tensor) ? file : undefined));
    }
    return Checkpoint.openShards(directory, index);
  }

  private static openShards(directory: string, index: string): Checkpoint {
    const map = JsonObject.readFile(index).object('weight_map');
    const files = new Map<string, SafetensorsFile>();
    try {
      for (const tensor of Object.keys(map.values)) {
        const name = map.text(tensor);
        demand(
          name === basename(name),
          `${index}: shard '${name}' must be a file of the same folder`,
        );
        if (!files.has(name)) files.set(name, new SafetensorsFile(join(directory, name)));
      }
    } catch (error) {
      files.forEach((file) => file.close());
      throw error;
    }
    return new Checkpoint(index, [...files.values()], (tensor) =>
      map.has(tensor) ? files.get(map.text(tensor)) : undefined,
    );
  }

  /** A tensor as float32, which must have the shape that the config asks for. */
  read(tensor: string, shape: readonly number[]): Float32Array {
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
    return file.read(tensor);
  }

  close(): void {
    this.shards.forEach((file) => file.close());
  }
}
