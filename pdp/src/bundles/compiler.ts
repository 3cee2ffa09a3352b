/**
 * Unpacks and compiles bundles in a worker thread, so that a large or hostile bundle takes neither the event loop nor
 * the process with it. One worker is kept warm between bundles and remembers what it compiled, so that it compiles and
 * sends only what changed; one that fails, or takes too long, is replaced and starts from nothing.
 */

import { Worker, type WorkerOptions } from 'node:worker_threads';
import { type BundleUpdate, createImageReceiver, type ImageReceiver, type LinkableBundle } from '@portcullis/policy';
import type { Checked, Problem } from '@portcullis/policy/model';
import { messageOf } from './refusal.js';

/** Turns the exact bytes of a bundle into plain data that `linkBundle` takes. */
export interface BundleCompiler {
  /** Problems when the bundle is not one, or when compiling it exceeds time or memory. Never rejects. */
  compile(bytes: Uint8Array, signal: AbortSignal): Promise<Checked<LinkableBundle>>;
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
  const start = (): WarmWorker => {
    const worker = new Worker(url, workerOptions);
    // A warm worker must not keep a draining process alive; a failure between jobs only means that the next job finds it gone.
    worker.unref();
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (warm?.worker === worker) warm = undefined;
    });
    return { worker, receiver: createImageReceiver() };
  };
  let warm: WarmWorker | undefined;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  warm = start();

  const runJob = async (bytes: Uint8Array, signal: AbortSignal): Promise<Checked<LinkableBundle>> => {
    if (closed || signal.aborted) return failure('the compiler was stopped');
    const current = warm ?? start();
    warm = current;
    const outcome = await ask(current.worker, bytes, options.timeoutMs, signal);
    const image = received(outcome, current.receiver);
    if (image === undefined && warm === current) {
      warm = undefined;
      await current.worker.terminate();
    }
    return image ?? (outcome.result.ok ? failure('the compiler skipped an update') : outcome.result);
  };

  return {
    compile: (bytes, signal) => {
      const result = queue.then(() => runJob(bytes, signal));
      queue = result;
      return result;
    },
    close: async () => {
      closed = true;
      await warm?.worker.terminate();
      warm = undefined;
    },
  };
}

/** A worker, and what it has sent so far. */
interface WarmWorker {
  readonly worker: Worker;
  readonly receiver: ImageReceiver;
}

/** The answer of a job; nothing when the worker that gave it, or gave none, must go. */
function received({ answered, result }: Outcome, receiver: ImageReceiver): Checked<LinkableBundle> | undefined {
  if (!answered || !result.ok) return answered ? (result as Checked<never>) : undefined;
  try {
    return { ok: true, value: receiver.receive(result.value) };
  } catch {
    return undefined;
  }
}

interface Outcome {
  /** False when the worker is in an unknown state and must go. */
  readonly answered: boolean;
  readonly result: Checked<BundleUpdate>;
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
    const onMessage = (result: Checked<BundleUpdate>): void => finish({ answered: true, result });
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
