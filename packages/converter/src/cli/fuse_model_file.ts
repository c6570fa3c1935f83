import { copyFile, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { formatReport, fuseArtifacts, type Preference } from '../graph/index.js';
import type { CliSurroundings } from './main.js';

export interface FuseFileCall {
  model: string;
  /** A folder; made where it is missing. */
  out: string;
  prefer: Preference;
  verify: boolean;
}

/** Fuses a model.json and writes it and its weights into another folder; returns the report in lines. */
export async function fuseModelFile(
  { model, out, prefer, verify }: FuseFileCall,
  { bringUpBackend }: CliSurroundings,
): Promise<string> {
  const folder = dirname(resolve(model));
  const target = resolve(out);
  refuse(
    (await realpath(target).catch(() => target)) === (await realpath(folder).catch(() => folder)),
    `${out} is the folder of ${model}; write the fused model into another one`,
  );
  const json = await readModel(model);
  const shards = json.weightsManifest.flatMap(({ paths }) => paths);
  for (const path of shards) {
    const leaves = isAbsolute(path) || relative(folder, join(folder, path)).startsWith('..');
    refuse(leaves, `${model} names the weight file '${path}', which lies outside its folder`);
  }
  const files = await Promise.all(shards.map((path) => readShard(join(folder, path))));
  if (verify) await bringUpBackend();
  const { artifacts, report } = await fuseArtifacts(
    {
      ...(json as Omit<io.ModelJSON, 'weightsManifest'>),
      weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
      weightData: files,
    },
    { prefer, verify },
  );
  await mkdir(target, { recursive: true });
  for (const path of new Set(shards)) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyFile(join(folder, path), join(target, path));
  }
  const fused = { ...json, modelTopology: artifacts.modelTopology };
  await writeFile(join(target, 'model.json'), JSON.stringify(fused));
  return formatReport(report);
}

async function readModel(path: string): Promise<io.ModelJSON> {
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`${path} is no JSON: ${String(error)}`);
  }
  refuse(typeof json !== 'object' || json === null, `${path} holds no model`);
  const { weightsManifest: groups = [], ...rest } = json as Partial<io.ModelJSON>;
  const isGroup = (group: unknown) => {
    const { paths, weights } = (group ?? {}) as Partial<io.WeightsManifestConfig[number]>;
    return Array.isArray(paths) && Array.isArray(weights);
  };
  refuse(
    !Array.isArray(groups) || !groups.every(isGroup),
    `${path}: weightsManifest must be a list of groups with paths and weights`,
  );
  return { ...rest, weightsManifest: groups } as io.ModelJSON;
}

async function readShard(path: string): Promise<ArrayBuffer> {
  return new Uint8Array(await readFile(path)).buffer;
}

function refuse(rule: boolean, text: string): void {
  if (rule) throw new InvalidArgumentError(`fuse: ${text}`);
}
