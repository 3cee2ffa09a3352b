/** Unit tests run straight from the sources; integration, timed and conformance tests start the built processes. */
const shared = {
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  extensionsToTreatAsEsm: ['.ts'],
  resolver: '<rootDir>/jest.resolver.mjs',
  moduleNameMapper: {
    // Jest gives `require` the ES modules of these: it has one set of conditions for both.
    '^pg-(pool|connection-string)$': '<rootDir>/node_modules/pg-$1/index.js',
    '^pg-protocol$': '<rootDir>/node_modules/pg-protocol/dist/index.js',
  },
  // Some dependencies have a `source` condition of their own, which is TypeScript.
  transformIgnorePatterns: ['/node_modules/.*[.][cm]?js$'],
  // Tests import what they use; otherwise every CommonJS module that is loaded is given a `jest` of its own.
  injectGlobals: false,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'import', 'default'] },
  modulePathIgnorePatterns: ['/dist/'],
};

const unitRoots = ['policy', 'proto', 'runtime', 'pdp', 'sidecar', 'distributor', 'client', 'cli'];

/** Tests of processes that measure time, or load a machine on purpose: each has it to itself. */
const TIMED = ['availability', 'drain', 'fail-closed', 'kill-switch', 'soak'];
const timed = `/test/integration/(${TIMED.join('|')})\\.test\\.ts$`;
const integration = { ...shared, roots: ['<rootDir>/test/integration'] };

export default {
  maxWorkers: 2,
  // A suite's modules stay behind, about 4 MB of each: 350 suites fill a gigabyte of every worker.
  workerIdleMemoryLimit: '500MB',
  // For a test that hangs. What computes for a second takes many of them where other builds run.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      roots: [...unitRoots.map((name) => `<rootDir>/${name}/src`), '<rootDir>/test/pins', '<rootDir>/test/cases'],
      testMatch: ['**/*.test.ts'],
    },
    { ...integration, displayName: 'integration', testMatch: ['**/*.test.ts'], testPathIgnorePatterns: [timed] },
    { ...integration, displayName: 'timed', testRegex: timed },
    { ...shared, displayName: 'conformance', roots: ['<rootDir>/test/conformance'], testMatch: ['**/*.test.ts'] },
  ],
};
