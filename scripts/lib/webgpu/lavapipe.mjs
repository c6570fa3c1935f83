// Mesa's software Vulkan driver, which has half precision and subgroups of 8, in a folder of its own: installed in the
// system it would replace the OpenGL driver as well. Dawn refuses the Mesa 22 of Debian 12, its backports have 25.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { mustRun } from '../run.mjs';

const FOLDER = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'tfjs-attention/lavapipe',
);
const ICD = 'usr/share/vulkan/icd.d/lvp_icd.json';
const PACKAGE = 'mesa-vulkan-drivers';

/** Where its description and its libraries lie, or undefined where it was not fetched. */
export function findLavapipe() {
  const icd = join(FOLDER, ICD);
  if (!existsSync(icd)) return undefined;
  const libraries = readdirSync(join(FOLDER, 'usr/lib')).find((name) => name.includes('-linux-'));
  return { icd, libraries: join(FOLDER, 'usr/lib', libraries ?? '') };
}

/** Fetches it through apt, without root and without touching the system's packages. */
export async function fetchLavapipe() {
  mkdirSync(dirname(FOLDER), { recursive: true });
  const work = mkdtempSync(`${FOLDER}-`);
  try {
    const apt = await backportsApt(work);
    const plan = await apt('apt-get', ['-s', 'install', '--no-install-recommends', PACKAGE]);
    const wanted = [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)].map(
      ([, name, version]) => `${name}=${version}`,
    );
    if (!wanted.some((name) => name.startsWith(`${PACKAGE}=`))) {
      throw new Error(`apt would not install ${PACKAGE} from backports:\n${plan}`);
    }
    await apt('apt-get', ['download', ...wanted], join(work, 'debs'));
    for (const file of readdirSync(join(work, 'debs')).filter((name) => name.endsWith('.deb'))) {
      await mustRun('dpkg', ['-x', join(work, 'debs', file), join(work, 'root')], {
        stdout: 'pipe',
      });
    }
    if (!existsSync(join(work, 'root', ICD))) throw new Error(`${PACKAGE} holds no ${ICD}`);
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(join(work, 'root'), FOLDER);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** apt with lists of its own: the machine's mirror, its release and that release's backports. */
async function backportsApt(work) {
  for (const folder of ['lists/partial', 'parts', 'debs']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  const format = ['--format', '$(SITE) $(CODENAME)', 'Created-By: Packages'];
  const targets = await mustRun('apt-get', ['indextargets', ...format], { stdout: 'pipe' });
  const main = targets
    .split('\n')
    .map((line) => line.split(' '))
    .find(([site, codename]) => /debian\/?$/.test(site) && /^[a-z]+$/.test(codename));
  if (main === undefined) throw new Error('this machine does not get its packages from Debian');
  const [site, codename] = main;
  const suites = [codename, `${codename}-updates`, `${codename}-backports`];
  writeFileSync(
    join(work, 'parts/debian.list'),
    suites.map((suite) => `deb ${site} ${suite} main\n`).join(''),
  );
  const options = [
    ['Dir::Etc::sourcelist', '/dev/null'],
    ['Dir::Etc::sourceparts', join(work, 'parts')],
    ['Dir::State::Lists', join(work, 'lists')],
    ['Dir::Cache::pkgcache', ''],
    ['Dir::Cache::srcpkgcache', ''],
    ['APT::Sandbox::User', process.env.USER ?? 'root'],
    ['APT::Default-Release', suites[2]],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (command, args, cwd = work) =>
    mustRun(command, ['-q', ...options, ...args], { cwd, stdout: 'pipe' });
  await apt('apt-get', ['update']);
  return apt;
}
