// Jest transform for shader files.
import { createHash } from 'node:crypto';

export default {
  getCacheKey: (source) => createHash('sha256').update(source).digest('hex'),
  process: (source) => ({ code: `module.exports = ${JSON.stringify(source)};` }),
};
