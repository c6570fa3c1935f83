import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const outOfCore = [
  {
    group: ['@tfjs-attention/*', 'tfjs-attention', 'kernels/*', '@tensorflow/tfjs-backend-*'],
    message: 'core knows no backend and no kernel: the flow is op, problem, selector, kernel.',
  },
];
const deepTfjs = [
  {
    group: ['@tensorflow/*/dist/*'],
    message: 'Deep imports of tfjs fail in plain Node; use the public index.',
  },
];

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/',
      '**/dist/',
      'coverage/',
      'docs/api/',
      'packages/backend-node/build/',
      'packages/bench/peers/',
    ],
  },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylistic],
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      'no-restricted-imports': ['error', { patterns: deepTfjs }],
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [...deepTfjs, ...outOfCore] }],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['scripts/runners/tfjs_core/*_suite.mjs'],
    languageOptions: { globals: globals.jasmine },
  },
  {
    files: [
      'scripts/**',
      'kernels/build/**',
      'packages/bench/**',
      'packages/testing/**',
      'examples/**',
    ],
    rules: { 'no-console': 'off' },
  },
);
