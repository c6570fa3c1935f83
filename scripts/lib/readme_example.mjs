import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

const BLOCK = /```js\n(\/\/ README ([\w ]+)\n[\s\S]*?)```/g;

/** The examples of README.md as ES modules, `{ name, source }` each: blocks that begin with `// README ...`. */
export function readmeExamples() {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const found = [...text.matchAll(BLOCK)].map(([, source, title]) => ({
    name: title.trim().replaceAll(' ', '_'),
    source,
  }));
  if (found.length === 0) throw new Error('README.md has no ```js block that begins `// README`');
  return found;
}

/** The same for CommonJS, which knows neither `import` nor `await` at the top. */
export function asCommonJs(source) {
  const imports = [];
  const body = source.replace(
    /^import\s+(?:([\w*${},\s]+?)\s+from\s+)?(['"][^'"]+['"]);?.*$/gm,
    (_, names, specifier) => {
      const target = names?.replace(/^\*\s+as\s+/, '').replace(/\s+as\s+/g, ': ');
      imports.push(target ? `const ${target} = require(${specifier});` : `require(${specifier});`);
      return '';
    },
  );
  return [
    ...imports,
    '(async () => {',
    body.trim(),
    '})().catch((error) => { console.error(error); process.exit(1); });',
    '',
  ].join('\n');
}
