import { isBuiltin } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { type ImportEdge, readImports, readManifest } from '../support/import-graph.js';

/** Which of our doors each folder may use. The table of architecture.md, frozen. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  policy: [],
  proto: ['@portcullis/policy/model'],
  runtime: [],
  pdp: [
    '@portcullis/policy',
    '@portcullis/policy/*',
    '@portcullis/proto',
    '@portcullis/runtime',
    '@portcullis/runtime/*',
  ],
  sidecar: [
    '@portcullis/policy/content',
    '@portcullis/policy/model',
    '@portcullis/policy/network',
    '@portcullis/proto',
    '@portcullis/runtime',
    '@portcullis/runtime/*',
  ],
  distributor: [
    '@portcullis/policy',
    '@portcullis/policy/*',
    '@portcullis/proto',
    '@portcullis/runtime',
    '@portcullis/runtime/*',
  ],
  client: [],
  cli: [
    '@portcullis/client',
    '@portcullis/policy',
    '@portcullis/policy/*',
    '@portcullis/proto',
    '@portcullis/runtime',
    '@portcullis/runtime/*',
  ],
};
const PACKAGES = Object.keys(ALLOWED);
const EDGES = readImports([...PACKAGES, 'test']);

const shown = (edges: readonly ImportEdge[]): readonly string[] =>
  edges.map((edge) => `${edge.file} -> ${edge.specifier}`);
/** Test files, and the fakes and fixtures beside them. */
const isTest = (file: string): boolean =>
  /\.test\.ts$|\/(testing|fixtures)\/|\/(test-authority|fake-pdp|ask-bench|channel-contract)\.ts$/.test(file);
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
const matches = (specifier: string, door: string): boolean =>
  door.endsWith('/*') ? specifier.startsWith(door.slice(0, -1)) : specifier === door;

describe('the import graph', () => {
  test('is not empty', () => {
    expect(EDGES.length).toBeGreaterThan(200);
  });

  test.each(PACKAGES)('%s imports only the doors it may', (folder) => {
    const strays = EDGES.filter(
      (edge) =>
        edge.from === folder &&
        edge.specifier.startsWith('@portcullis/') &&
        !(ALLOWED[folder] ?? []).some((door) => matches(edge.specifier, door)),
    );
    expect(shown(strays)).toEqual([]);
  });

  test('nothing reaches into another package by a relative path', () => {
    const strays = EDGES.filter(
      (edge) => edge.target !== undefined && edge.from !== 'test' && edge.target.split('/')[0] !== edge.from,
    ).filter((edge) => !(isTest(edge.file) && edge.target?.startsWith('test/support/')));
    expect(shown(strays)).toEqual([]);
  });

  test('test reaches packages by their doors only', () => {
    const strays = EDGES.filter(
      (edge) => edge.from === 'test' && edge.target !== undefined && !edge.target.startsWith('test/'),
    );
    expect(shown(strays)).toEqual([]);
  });

  test.each([...PACKAGES, 'test'])('%s declares every package it imports', (folder) => {
    const own = readManifest(folder);
    const root = readManifest('.');
    const strays = EDGES.filter((edge) => edge.from === folder && edge.target === undefined).filter((edge) => {
      if (isBuiltin(edge.specifier)) return false;
      const name = packageOf(edge.specifier);
      const declared = {
        ...own.dependencies,
        ...(isTest(edge.file) || folder === 'test' ? { ...own.devDependencies, ...root.devDependencies } : {}),
      };
      return !(name in declared) && name !== own.name;
    });
    expect(shown(strays)).toEqual([]);
  });

  test('policy is pure: of Node only crypto and zlib, and only in bundle, content, trust and evidence', () => {
    const strays = EDGES.filter(
      (edge) => edge.from === 'policy' && isBuiltin(edge.specifier) && !isTest(edge.file),
    ).filter((edge) => {
      const allowed = /^node:(crypto|zlib)$/.test(edge.specifier);
      return !(allowed && /^policy\/src\/(bundle|content|trust|evidence)\//.test(edge.file));
    });
    expect(shown(strays)).toEqual([]);
  });

  test.each([
    ['nats', ['runtime/src/channel/nats-client.ts']],
    ['pg', ['distributor/src/store/postgres.ts']],
    ['ioredis', ['pdp/src/redis/redis-client.ts']],
    ['@electric-sql/pglite', ['distributor/src/store/embedded-worker.ts']],
    ['opossum', ['pdp/src/context/http-source.ts', 'sidecar/src/ask/breaker.ts']],
  ])('%s is imported by one file', (name, files) => {
    const importers = EDGES.filter(
      (edge) => packageOf(edge.specifier) === name && edge.from !== 'test' && !isTest(edge.file),
    );
    expect([...new Set(importers.map((edge) => edge.file))]).toEqual(files);
  });

  test('every version is exact', () => {
    const ranges = ['.', ...PACKAGES, 'test'].flatMap((folder) => {
      const manifest = readManifest(folder);
      const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
      return Object.entries(all)
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${folder}: ${name}@${version}`);
    });
    expect(ranges).toEqual([]);
  });
});
