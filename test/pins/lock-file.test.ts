import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/root.js';

interface LockEntry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(repositoryRoot(), 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockEntry>>;
};
const entries = Object.entries(lock.packages);

describe('package-lock.json', () => {
  test('has the optional packages of every platform, or npm ci refuses it everywhere', () => {
    const missing = entries.flatMap(([, { optionalDependencies = {} }]) =>
      Object.entries(optionalDependencies)
        .filter(([name, version]) => /^\d+\.\d+\.\d+$/.test(version) && !(`node_modules/${name}` in lock.packages))
        .map(([name]) => name),
    );
    // Add them with: node deploy/workspace/complete-lock.mjs
    expect(missing).toEqual([]);
  });

  test('names no registry', () => {
    expect(entries.filter(([, { resolved }]) => resolved?.startsWith('http') === true).map(([key]) => key)).toEqual([]);
  });
});
