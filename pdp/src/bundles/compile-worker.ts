/** The worker's side of `compiler.ts`: one job in, one `Checked` result out. */

import { parentPort } from 'node:worker_threads';
import { compileBundleBytes } from './compile-bundle.js';
import type { CompileJob } from './compiler.js';

const port = parentPort;
port?.on('message', ({ bytes }: CompileJob) => {
  compileBundleBytes(bytes).then(
    (result) => port.postMessage(result),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : 'the compiler failed';
      port.postMessage({ ok: false, problems: [{ code: 'ERR_BUNDLE_COMPILE', message, path: '' }] });
    },
  );
});
