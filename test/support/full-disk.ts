/**
 * Ways to give a process a full disk, and room again: a volume of its own, where this process may mount one, and the
 * system's limit on the size of files, which needs no privilege. The same call of the process fails by either, after it has
 * written a part: with `ENOSPC` on a volume, with `EFBIG` at the limit.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk that can be full. */
export interface FullDisk {
  /** Where the process keeps what it writes. */
  readonly folder: string;
  /** From now on `file`, which the process `pid` appends to, takes some bytes more, fewer than a record has. */
  fill(pid: number, file: string): void;
  /** Makes room again. */
  free(pid: number): void;
  /** Once nothing is open in the folder any more. */
  close(): void;
}

/** Of the volume that is filled. */
const VOLUME_BYTES = 512 * 1024;
/** What fits below the limit still. */
const REST_BYTES = 100;

/** A volume of its own; `undefined` where this process may not mount one. */
export function mountVolume(): FullDisk | undefined {
  if (process.platform !== 'linux') return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-volume-'));
  const ballast = join(folder, 'ballast');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME_BYTES}`, 'none', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  return {
    folder,
    fill: () => fillWith(ballast),
    free: () => rmSync(ballast),
    close() {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * A limit on the size of files, set and lifted while the process runs.
 * @throws Error where there is no `prlimit`, which belongs to util-linux
 */
export function limitFiles(): FullDisk {
  const limit = (pid: number, bytes: number | 'unlimited'): void => {
    // The soft limit alone: only a privileged process may lift the hard one again.
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  };
  execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-limited-'));
  return {
    folder,
    fill: (pid, file) => limit(pid, statSync(file).size + REST_BYTES),
    free: (pid) => limit(pid, 'unlimited'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function fillWith(file: string): void {
  const chunk = Buffer.alloc(1_024);
  for (;;) {
    try {
      writeFileSync(file, chunk, { flag: 'a' });
    } catch {
      return;
    }
  }
}
