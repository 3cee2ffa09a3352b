/** The worker's side of `compiler.ts`: one job in, one `Checked` update out. */

import { parentPort } from 'node:worker_threads';
import { buffersOf } from '@portcullis/policy';
import { createBytesCompiler } from './compile-bundle.js';
import type { CompileJob } from './compiler.js';

const port = parentPort;
const compile = createBytesCompiler();
port?.on('message', ({ bytes }: CompileJob) => {
  compile(bytes).then(
    // Buffers change hands: whoever gets the answer does not have to stop for its size.
    (result) => port.postMessage(result, result.ok ? [...buffersOf(result.value)] : []),
    // What it remembers may be half done, so it goes, and a new worker takes the next job.
    (error: unknown) => {
      throw error;
    },
  );
});
