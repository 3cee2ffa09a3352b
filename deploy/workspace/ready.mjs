/**
 * Makes this checkout runnable, then runs an entry on the pinned Node.
 *
 *   node deploy/workspace/ready.mjs [entry.js [arguments…]]
 *
 * Written for whatever Node runs npm (18 or later), with nothing but Node's own modules, because it runs before
 * anything is installed. It installs the exact dependencies of package-lock.json when they are not there yet, builds
 * what changed, and hands over to the Node that the lock file pins, so that the product never runs on another one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const windows = process.platform === 'win32';
const pinnedNode = join(root, 'node_modules', '.bin', windows ? 'node.cmd' : 'node');
const stamp = join(root, 'node_modules', '.portcullis-lock');

/** Runs a command with its output on stderr (stdout belongs to the entry) and ends this process if it fails. */
function must(command, args, complaint) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: windows });
  if (status !== 0) {
    process.stderr.write(`${complaint}${error ? `: ${error.message}` : ''}\n`);
    process.exit(status ?? 1);
  }
}

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  process.stderr.write('Installing the exact dependencies of package-lock.json (once)…\n');
  // Under npm, npm_execpath is the npm that started us; a bare `npm` may be another one, or missing.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  if (npm?.endsWith('.js')) must(process.execPath, [npm, ...args], 'npm ci failed');
  else must('npm', args, 'npm ci failed');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}
if (!existsSync(pinnedNode)) {
  process.stderr.write(
    `No pinned Node for ${process.platform}-${process.arch}: package.json lists the platforms under optionalDependencies.\n`,
  );
  process.exit(1);
}
must(pinnedNode, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], 'The build failed');

const [entry, ...rest] = process.argv.slice(2);
if (entry !== undefined) {
  const child = spawn(pinnedNode, ['--enable-source-maps', join(root, entry), ...rest], {
    cwd: root,
    stdio: 'inherit',
    shell: windows,
    env: { ...process.env, PATH: `${dirname(pinnedNode)}${windows ? ';' : ':'}${process.env.PATH}` },
  });
  // The entry may have processes of its own to end, so it has to hear of it; a terminal's Ctrl-C reaches it anyway.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
  child.on('error', (error) => {
    process.stderr.write(`${entry} could not be started: ${error.message}\n`);
    process.exit(1);
  });
}
