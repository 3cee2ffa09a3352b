import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LEAST_NODE, nodeTooOld } from './node-version.js';

const ROOT = new URL('../../../', import.meta.url);

test.each(['18.20.0', '20.20.2', '23.11.1'])('Node %s is told to be too old, by its version', (running) => {
  expect(nodeTooOld('portcullis-pdp', running)).toBe(
    `portcullis-pdp needs Node 24 or later, and this is ${running}. The npm scripts of the repository bring their own.`,
  );
});

test.each(['24.0.0', '26.10.0', '100.1.0'])('Node %s is not', (running) => {
  expect(nodeTooOld('portcullis-pdp', running)).toBeUndefined();
});

test('the oldest is the one that package.json names', () => {
  const { engines } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  expect(engines.node).toBe(`>=${LEAST_NODE}`);
});

// What a program imports statically is loaded before its first line.
test.each(['pdp', 'sidecar', 'distributor'])('%s loads nothing before it has looked', (service) => {
  const source = readFileSync(new URL(`${service}/src/main.ts`, ROOT), 'utf8');
  const imported = [...source.matchAll(/^import [^;]*from '([^']+)'/gm)].map(([, name]) => name);
  expect(imported.filter((name) => name?.startsWith('node:') !== true)).toEqual(['@portcullis/runtime/node-version']);
  expect(source).toMatch(/^requireNode\(/m);
});
