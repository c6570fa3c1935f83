import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PYTHON_TAGS, type WheelRequest } from './releases.js';
import { SetupError } from './setup_error.js';
import { complaint, type Shell } from './shell.js';

/** A wheel as the package index describes it. */
export interface Wheel {
  name: string;
  version: string;
  /** File name. */
  file: string;
  url: string;
  sha256: string;
  /** Whether this package knew the hash beforehand. */
  pinned: boolean;
  /** Bytes, where known. */
  size?: number;
  /** CPython tag that it was asked for with, such as '3.11'. */
  pythonTag: string;
}

interface Report {
  install: { download_info: { url: string; archive_info?: { hashes?: { sha256?: string } } } }[];
}

/**
 * Asks pip's index for the wheel, without fetching it.
 *
 * @throws SetupError where the index has none, or one whose hash is not the known one.
 */
export async function findWheel(
  shell: Shell,
  python: string,
  request: WheelRequest,
): Promise<Wheel> {
  let refusal = '';
  for (const pythonTag of PYTHON_TAGS) {
    const result = await shell(python, [
      ...['-m', 'pip', 'install', '--dry-run', '--quiet', '--report', '-'],
      ...['--ignore-installed', '--target', 'never-written'],
      ...wheelArguments(request, pythonTag),
      `${request.name}==${request.version}`,
    ]);
    if (result.code === 0) return describe(JSON.parse(result.stdout) as Report, request, pythonTag);
    refusal ||= complaint(result);
    if (!/no matching distribution/i.test(result.stderr)) break;
  }
  throw new SetupError(
    `pip finds no wheel of ${request.name} ${request.version} for this machine:\n${refusal}`,
  );
}

const wheelArguments = ({ platforms }: WheelRequest, pythonTag: string) => [
  ...['--no-deps', '--only-binary=:all:', '--disable-pip-version-check'],
  ...['--implementation', 'cp', '--python-version', pythonTag],
  ...platforms.flatMap((platform) => ['--platform', platform]),
];

function describe(report: Report, request: WheelRequest, pythonTag: string): Wheel {
  const { url, archive_info: archive } = report.install[0].download_info;
  const sha256 = archive?.hashes?.sha256;
  const file = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
  if (sha256 === undefined) {
    throw new SetupError(`the index gives no SHA-256 for ${file}: nothing to verify it against`);
  }
  // A hash is known for one file, and the first tag is that of the known ones.
  const known = pythonTag === PYTHON_TAGS[0] ? request.sha256 : undefined;
  if (known !== undefined && known !== sha256) {
    throw new SetupError(
      `the index offers ${file} with SHA-256 ${sha256}, but the published one has ${known}: not fetched`,
    );
  }
  const { name, version, size } = request;
  return { name, version, file, url, sha256, pinned: known !== undefined, size, pythonTag };
}

/**
 * The wheel's path in the cache, fetched through pip unless it is there; its hash is verified either way.
 *
 * @throws SetupError where pip fails, or the file is not the announced one.
 */
export async function fetchWheel(
  shell: Shell,
  python: string,
  wheel: Wheel,
  request: WheelRequest,
  cache: string,
): Promise<string> {
  const path = join(cache, wheel.file);
  if (existsSync(path) && (await sha256Of(path)) === wheel.sha256) return path;
  mkdirSync(cache, { recursive: true });
  const requirements = join(cache, `${wheel.file}.requirements.txt`);
  writeFileSync(requirements, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  try {
    const result = await shell(
      python,
      [
        ...['-m', 'pip', 'download', '--no-cache-dir', '--require-hashes', '--dest', cache],
        ...wheelArguments(request, wheel.pythonTag),
        ...['-r', requirements],
      ],
      { show: true },
    );
    if (result.code !== 0)
      throw new SetupError(`pip could not download ${wheel.file}:\n${complaint(result)}`);
  } finally {
    rmSync(requirements, { force: true });
  }
  const found = existsSync(path) ? await sha256Of(path) : 'nothing';
  if (found !== wheel.sha256) {
    throw new SetupError(`${path} has SHA-256 ${found}, not ${wheel.sha256}: not used`);
  }
  return path;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
