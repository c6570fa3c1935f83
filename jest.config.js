export default {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/packages/*/src/**/*.test.ts',
    '<rootDir>/examples/*/src/**/*.test.ts',
    '<rootDir>/kernels/build/**/*.test.js',
    '<rootDir>/scripts/**/*.test.mjs',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/', '<rootDir>/packages/bench/peers/'],
  globalSetup: '<rootDir>/kernels/build/jest_setup.js',
  setupFiles: ['<rootDir>/kernels/build/jest_quiet.js'],
  testTimeout: 60_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
    '\\.(wgsl|glsl)$': '<rootDir>/kernels/build/jest_text.js',
  },
  moduleNameMapper: {
    // Jest instantiates any file that ends in .wasm, so it gets the text from a JavaScript copy.
    '^kernels/dist/(.+)\\.wasm$': '<rootDir>/kernels/dist/text/$1.js',
    '^kernels/(.+)$': '<rootDir>/kernels/$1',
    '^@tfjs-attention/([^/]+)/(.+)$': [
      '<rootDir>/packages/$1/src/$2.ts',
      '<rootDir>/packages/$1/src/$2/index.ts',
    ],
    '^@tfjs-attention/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^tfjs-attention$': '<rootDir>/packages/tfjs-attention/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js'],
  },
  collectCoverageFrom: ['packages/*/src/**/*.ts', '!**/*.test.ts'],
};
