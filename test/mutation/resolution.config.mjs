/**
 * Mutation testing of resolution (contracts §3): whatever is changed in it, a test must fail. Part of `npm run verify:long`.
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: ['resolve', 'verdict', 'guards', 'granted'].map((name) => `policy/src/engine/${name}.ts`),
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { configFile: 'test/mutation/jest.config.mjs', enableFindRelatedTests: false },
  plugins: ['@stryker-mutator/jest-runner'],
  coverageAnalysis: 'perTest',
  tempDirName: '.cache/stryker',
  symlinkNodeModules: true,
  concurrency: 2,
  timeoutMS: 10_000,
  ignorePatterns: [
    '**',
    '!policy/src/**',
    '!policy/package.json',
    '!jest.config.mjs',
    '!jest.resolver.mjs',
    '!test/mutation/**',
    '!package.json',
  ],
  reporters: ['clear-text'],
  clearTextReporter: { logTests: false, reportTests: false },
  thresholds: { high: 100, low: 100, break: 100 },
  allowConsoleColors: false,
};
