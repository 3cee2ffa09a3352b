/**
 * Finds or obtains the real servers that tests need: nats-server, redis-server and PostgreSQL.
 *
 * Order: `<NAME>_BIN` in the environment, PATH, what an earlier run put into `.cache/servers`, Debian's package
 * (unpacked into that folder, so nothing is installed and no service starts), Go (nats-server only).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { repositoryRoot } from './root.js';

/** A server that tests start. */
export type ServerName = 'nats-server' | 'redis-server' | 'postgres';

interface Recipe {
  readonly variable: string;
  /** The package, then libraries it needs; names that a distribution doesn't have are passed over. */
  readonly debian: readonly string[];
  /** Programs of the same package that have to lie beside it. */
  readonly beside?: readonly string[];
  readonly go?: string;
  readonly advice: string;
}

const RECIPES: Record<ServerName, Recipe> = {
  'nats-server': {
    variable: 'NATS_SERVER_BIN',
    debian: ['nats-server'],
    go: 'github.com/nats-io/nats-server/v2@v2.12.1',
    advice: 'go install github.com/nats-io/nats-server/v2@v2.12.1',
  },
  'redis-server': {
    variable: 'REDIS_SERVER_BIN',
    debian: ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'liblua5.1-0'],
    advice: 'apt-get install redis-server   (macOS: brew install redis)',
  },
  postgres: {
    variable: 'POSTGRES_BIN',
    debian: [
      ...['postgresql-17', 'postgresql-18', 'postgresql-16', 'postgresql-15', 'postgresql-14', 'libpq5'],
      ...['libicu72', 'libicu74', 'libicu76', 'libxml2', 'libldap-2.5-0', 'libldap2', 'liburing2', 'libnuma1'],
    ],
    beside: ['initdb'],
    advice: 'apt-get install postgresql   (macOS: brew install postgresql@17)',
  },
};

function works(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function onPath(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
    ...versionFolders('/usr/lib/postgresql'),
  ];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file) && works(file));
}

/** Debian keeps PostgreSQL's programs off the PATH, in a folder per version; the newest first. */
function versionFolders(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(folder, version, 'bin'));
}

function has(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Downloads and unpacks packages without installing them, and writes a launcher that finds their libraries. */
function fromDebian(name: ServerName, recipe: Recipe, folder: string): string | undefined {
  if (!has('apt-get') || !has('dpkg')) return undefined;
  const unpacked = join(folder, 'debian');
  mkdirSync(unpacked, { recursive: true });
  const download = (item: string): boolean =>
    spawnSync('apt-get', ['download', item], { cwd: folder, stdio: 'ignore' }).status === 0;
  // A fresh image has no package lists; fetching them needs root, and failing to is not fatal here.
  if (!download(recipe.debian[0] ?? name)) spawnSync('apt-get', ['update'], { stdio: 'ignore' });
  for (const item of recipe.debian) download(item);
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(folder, file), unpacked]);
    rmSync(join(folder, file));
  }
  const binary = [
    ...['usr/bin', 'usr/sbin'].map((part) => join(unpacked, part)),
    ...versionFolders(join(unpacked, 'usr/lib/postgresql')),
  ]
    .map((part) => join(part, name))
    .find((file) => existsSync(file));
  if (binary === undefined) return undefined;
  const libraries = readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.includes('.so'))
    .map((entry) => entry.parentPath);
  const path = [...new Set(libraries)].join(':');
  for (const program of [name, ...(recipe.beside ?? [])]) {
    const launcher = join(folder, program);
    writeFileSync(launcher, `#!/bin/sh\nLD_LIBRARY_PATH="${path}" exec "${join(dirname(binary), program)}" "$@"\n`);
    chmodSync(launcher, 0o755);
  }
  const launcher = join(folder, name);
  return works(launcher) ? launcher : undefined;
}

function fromGo(name: ServerName, recipe: Recipe, folder: string): string | undefined {
  if (recipe.go === undefined || spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const { status } = spawnSync('go', ['install', recipe.go], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 2, 2],
  });
  const binary = join(folder, name);
  return status === 0 && works(binary) ? binary : undefined;
}

/**
 * The path of a working server binary.
 * @throws Error with the one command to type when it can neither be found nor obtained
 */
export function serverBinary(name: ServerName): string {
  const recipe = RECIPES[name];
  const named = process.env[recipe.variable];
  if (named !== undefined) {
    if (works(named)) return named;
    throw new Error(`${recipe.variable}=${named} does not run; unset it or point it at a working ${name}`);
  }
  const found = onPath(name);
  if (found !== undefined) return found;
  const folder = join(repositoryRoot(), '.cache', 'servers', name);
  const cached = join(folder, name);
  if (existsSync(cached) && works(cached)) return cached;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  process.stderr.write(`Obtaining ${name} (once)…\n`);
  const obtained = fromDebian(name, recipe, folder) ?? fromGo(name, recipe, folder);
  if (obtained !== undefined) return obtained;
  throw new Error(`${name} is needed and could not be obtained. Type: ${recipe.advice}`);
}
