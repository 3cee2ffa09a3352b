/**
 * Unpacks and compiles bundles in a worker thread, so that a large or hostile bundle takes neither the event loop nor
 * the process with it. One worker is kept warm between bundles; one that fails, or takes too long, is replaced.
 */

import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { CompiledBundle } from '@portcullis/policy';
import type { Checked, Problem } from '@portcullis/policy/model';
import { messageOf } from './refusal.js';

/** Turns the exact bytes of a bundle into plain data that `linkBundle` takes. */
export interface BundleCompiler {
  /** Problems when the bundle is not one, or when compiling it exceeds time or memory. Never rejects. */
  compile(bytes: Uint8Array, signal: AbortSignal): Promise<Checked<CompiledBundle>>;
  close(): Promise<void>;
}

/** The worker's limits and, for tests from source, how to start it. */
export interface WorkerCompilerOptions {
  /** Milliseconds for one bundle. */
  readonly timeoutMs: number;
  /** Megabytes of heap. */
  readonly maxHeapMb: number;
  readonly workerUrl?: URL;
  readonly execArgv?: readonly string[];
}

/** What the worker is sent. */
export interface CompileJob {
  readonly bytes: Uint8Array;
}

const YOUNG_GENERATION_MB = 32;
const STACK_MB = 4;

/** Starts the first worker at once, so that the first bundle does not wait for it. */
export function createWorkerCompiler(options: WorkerCompilerOptions): BundleCompiler {
  const url = options.workerUrl ?? new URL('./compile-worker.js', import.meta.url);
  const workerOptions: WorkerOptions = {
    resourceLimits: {
      maxOldGenerationSizeMb: options.maxHeapMb,
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      stackSizeMb: STACK_MB,
    },
    // A bundle has no business with the environment or the arguments of the PDP.
    env: {},
    argv: [],
    ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
  };
  const start = (): Worker => {
    const worker = new Worker(url, workerOptions);
    // A warm worker must not keep a draining process alive; a failure between jobs only means that the next job finds it gone.
    worker.unref();
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (warm === worker) warm = undefined;
    });
    return worker;
  };
  let warm: Worker | undefined;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  warm = start();

  const runJob = async (bytes: Uint8Array, signal: AbortSignal): Promise<Checked<CompiledBundle>> => {
    if (closed || signal.aborted) return failure('the compiler was stopped');
    const worker = warm ?? start();
    warm = worker;
    const outcome = await ask(worker, bytes, options.timeoutMs, signal);
    if (!outcome.answered && warm === worker) {
      warm = undefined;
      await worker.terminate();
    }
    return outcome.result;
  };

  return {
    compile: (bytes, signal) => {
      const result = queue.then(() => runJob(bytes, signal));
      queue = result;
      return result;
    },
    close: async () => {
      closed = true;
      await warm?.terminate();
      warm = undefined;
    },
  };
}

interface Outcome {
  /** False when the worker is in an unknown state and must go. */
  readonly answered: boolean;
  readonly result: Checked<CompiledBundle>;
}

function ask(worker: Worker, bytes: Uint8Array, timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage);
      worker.off('messageerror', onFailure);
      worker.off('error', onFailure);
      worker.off('exit', onExit);
      resolve(outcome);
    };
    const onMessage = (result: Checked<CompiledBundle>): void => finish({ answered: true, result });
    const onFailure = (error: unknown): void => finish({ answered: false, result: failure(messageOf(error)) });
    const onExit = (): void => finish({ answered: false, result: failure('the compiler ended without an answer') });
    const onAbort = (): void => finish({ answered: false, result: failure('the compiler was stopped') });
    const timer = setTimeout(
      () => finish({ answered: false, result: failure(`compiling took longer than ${timeoutMs} ms`) }),
      timeoutMs,
    );
    worker.on('message', onMessage);
    worker.on('messageerror', onFailure);
    worker.on('error', onFailure);
    worker.on('exit', onExit);
    signal.addEventListener('abort', onAbort);
    const job: CompileJob = { bytes };
    worker.postMessage(job);
  });
}

function failure(message: string): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [{ code: 'ERR_BUNDLE_COMPILE', message, path: '' }] };
}
