import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from '../../support/root.js';

/** How to get the program of a peer; it is never fetched without being asked for. */
export interface PeerRecipe {
  readonly name: string;
  /** The environment variable that names the program. */
  readonly variable: string;
  /** What to type, with `FOLDER` for the folder that is looked into. */
  readonly advice: string;
}

/** Finds a program: the variable, the PATH, `.cache/peers/bin`. */
export function findPeer({ name, variable }: PeerRecipe): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), peersFolder()];
  const candidates = [process.env[variable], ...folders.map((folder) => join(folder, name))];
  return candidates.find(
    (file) => file !== undefined && existsSync(file) && spawnSync(file, ['--help'], { stdio: 'ignore' }).status === 0,
  );
}

/** One line: what is missing and what to type. */
export function missingPeer({ name, variable, advice }: PeerRecipe): string {
  return `${name} is not measured: it is neither named by ${variable} nor found. Type: ${advice.replace('FOLDER', peersFolder())}`;
}

function peersFolder(): string {
  return join(repositoryRoot(), '.cache', 'peers', 'bin');
}
