/**
 * Completes package-lock.json with the optional packages of other platforms.
 *
 *   node deploy/workspace/complete-lock.mjs
 *
 * A registry mirror that carries only some platforms makes npm write a lock file without the others, and `npm ci` then
 * refuses that file everywhere. Run this after changing dependencies against such a mirror: for every exact optional
 * dependency that is missing it adds an entry with the version its parent asks for and the platform its name says. Such
 * an entry has no integrity hash; installing against a full registry fills it in.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));

const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/** What a package named `…-<os>-<cpu>[-<abi>]` runs on, or nothing when its name does not say. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = OS.find((word) => words.includes(word));
  const cpu = CPU.find((word) => words.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const abi = words.at(-1);
  const libc = os !== 'linux' ? {} : /musl/.test(abi) ? { libc: ['musl'] } : /gnu/.test(abi) ? { libc: ['glibc'] } : {};
  return { cpu: [cpu], ...libc, os: [os] };
}

const added = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const platform = platformOf(name);
    if (key in lock.packages || platform === undefined || !/^\d+\.\d+\.\d+$/.test(version)) continue;
    const { cpu, libc, os } = platform;
    lock.packages[key] = {
      version,
      cpu,
      ...(parent.dev ? { dev: true } : {}),
      ...(libc === undefined ? {} : { libc }),
      optional: true,
      os,
    };
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} added${added.length > 0 ? `: ${added.join(', ')}` : ''}\n`);
