/** Unit tests run straight from the sources; integration and conformance tests start the built processes. */
const shared = {
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Some dependencies have a `source` condition of their own, which is TypeScript.
  transformIgnorePatterns: ['/node_modules/.*[.][cm]?js$'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'import', 'default'] },
  modulePathIgnorePatterns: ['/dist/'],
};

const unitRoots = ['policy', 'proto', 'runtime', 'pdp', 'sidecar', 'distributor', 'cli'];

export default {
  maxWorkers: 2,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      roots: [...unitRoots.map((name) => `<rootDir>/${name}/src`), '<rootDir>/test/pins', '<rootDir>/test/cases'],
      testMatch: ['**/*.test.ts'],
    },
    { ...shared, displayName: 'integration', roots: ['<rootDir>/test/integration'], testMatch: ['**/*.test.ts'] },
    { ...shared, displayName: 'conformance', roots: ['<rootDir>/test/conformance'], testMatch: ['**/*.test.ts'] },
  ],
};
