/**
 * Reads the import graph of the workspaces: every import line of every source file, and every package.json.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { repositoryRoot } from './root.js';

/** One import line. */
export interface ImportEdge {
  /** The importing file, relative to the root, with forward slashes. */
  readonly file: string;
  /** The top-level folder of `file`. */
  readonly from: string;
  /** What stands between the quotes. */
  readonly specifier: string;
  /** For a relative import, the file it reaches, relative to the root. */
  readonly target?: string;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](dist|node_modules|gen)[\\/]/.test(file));
}

/** Every import of the given top-level folders' sources. */
export function readImports(folders: readonly string[]): readonly ImportEdge[] {
  const root = repositoryRoot();
  return folders.flatMap((from) =>
    sourceFiles(join(root, from)).flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return [...text.matchAll(IMPORT)].map((match): ImportEdge => {
        const specifier = match[1] ?? match[2] ?? match[3] ?? '';
        const name = relative(root, file).split(sep).join('/');
        if (!specifier.startsWith('.')) return { file: name, from, specifier };
        const target = relative(root, resolve(dirname(file), specifier))
          .split(sep)
          .join('/');
        return { file: name, from, specifier, target };
      });
    }),
  );
}

/** The names a package.json lists, by section. */
export interface PackageManifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Reads `<folder>/package.json`; `.` is the root's. */
export function readManifest(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(repositoryRoot(), folder, 'package.json'), 'utf8')) as PackageManifest;
}
