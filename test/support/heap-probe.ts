/**
 * A look into a process from outside: `node --expose-gc --import 'file:///…/heap-probe.js?file=/tmp/heap' …` writes, at each
 * SIGUSR2, one line of JSON to that file: what is in use after a full collection.
 */
import { appendFileSync } from 'node:fs';

/** What is in use. */
export interface HeapSample {
  /** Bytes of objects, and of memory outside the heap that objects hold. */
  readonly heap: number;
  /** Sockets, timers and what else keeps a process alive. */
  readonly resources: number;
}

const file = new URL(import.meta.url).searchParams.get('file');
if (file !== null) {
  process.on('SIGUSR2', () => {
    // Finalisers free more.
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    const sample: HeapSample = { heap: heapUsed + external, resources: process.getActiveResourcesInfo().length };
    appendFileSync(file, `${JSON.stringify(sample)}\n`);
  });
}
