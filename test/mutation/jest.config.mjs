import config from '../../jest.config.mjs';

const [unit] = config.projects;
const { displayName: _name, ...project } = unit;

/** The tests that must notice every change of resolution: its own, and nothing that would notice by chance. */
export default {
  ...project,
  rootDir: '../..',
  roots: ['<rootDir>/policy/src/engine'],
  testMatch: ['**/{resolve,verdict,guards,granted}.test.ts'],
};
