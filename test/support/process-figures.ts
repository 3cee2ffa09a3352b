/** What the kernel says of a process. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of all threads of a process so far, us. Those that ended are left out; Node keeps its threads. */
export function cpuUs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => {
    const [nanoseconds = ''] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ');
    return sum + Number(nanoseconds) / 1_000;
  }, 0);
}

/** Memory that a process has in RAM, MB of 1024 * 1024 bytes. */
export function rssMb(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1_024;
}
