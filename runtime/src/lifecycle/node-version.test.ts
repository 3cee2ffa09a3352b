import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OLDEST_NODE, requireNode } from './node-version.js';

function ran(version: string): { readonly said: string; readonly code: number | undefined } {
  let said = '';
  let code: number | undefined;
  requireNode({
    version,
    execPath: '/usr/bin/node',
    stderr: { write: (text) => (said += text) },
    exit: (wanted) => (code = wanted),
  });
  return { said, code };
}

test.each(['v18.20.8', 'v20.20.2', 'v22.22.0', 'v23.11.1', 'nonsense'])('%s is too old, and told so', (version) => {
  const { said, code } = ran(version);
  expect(code).toBe(1);
  expect(said).toMatch(/^Node 24 or later is needed, and \/usr\/bin\/node is \S+: put another one first in PATH.*\n$/);
});

test.each(['v24.0.0', 'v26.10.0', 'v100.1.0', process.version])('%s is not', (version) => {
  expect(ran(version)).toEqual({ said: '', code: undefined });
});

test('the oldest one is the one that the package names', () => {
  const root = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  expect(root.engines.node).toBe(`>=${OLDEST_NODE}`);
});
