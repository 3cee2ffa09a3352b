import { afterEach, describe, expect, test } from '@jest/globals';
import { bundleOf } from '../fixtures/repository.js';
import { compileBundleBytes } from './compile-bundle.js';
import { type BundleCompiler, createWorkerCompiler } from './compiler.js';

const signal = AbortSignal.any([]);
const opened: BundleCompiler[] = [];

/** A compiler whose worker runs `script`; the real worker needs built files and is run by the integration tests. */
function compilerOf(script: string, timeoutMs = 5_000): BundleCompiler {
  const source = `import { parentPort as port } from 'node:worker_threads';\n${script}`;
  const workerUrl = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const compiler = createWorkerCompiler({ timeoutMs, maxHeapMb: 32, workerUrl });
  opened.push(compiler);
  return compiler;
}

afterEach(async () => {
  for (const compiler of opened.splice(0)) await compiler.close();
});

/** Answers with the number of its jobs so far and the bytes it got; the first byte says how to misbehave. */
const MISBEHAVING = `
let jobs = 0;
port.on('message', ({ bytes }) => {
  jobs += 1;
  if (bytes[0] === 1) for (;;);
  if (bytes[0] === 2) throw new Error('broken worker');
  if (bytes[0] === 3) process.exit(0);
  if (bytes[0] === 4) { const hog = []; for (;;) hog.push(new Array(100000).fill(hog.length)); }
  port.postMessage({ ok: true, value: { jobs, length: bytes.length } });
});`;

describe('the worker', () => {
  test('is kept warm between bundles', async () => {
    const compiler = compilerOf(MISBEHAVING);
    expect(await compiler.compile(new Uint8Array([0, 0]), signal)).toEqual({ ok: true, value: { jobs: 1, length: 2 } });
    expect(await compiler.compile(new Uint8Array([0]), signal)).toEqual({ ok: true, value: { jobs: 2, length: 1 } });
  });

  test.each([
    ['that never ends', 1, /longer than 300 ms/],
    ['that throws', 2, /broken worker/],
    ['that exits', 3, /ended without an answer/],
    ['that eats the heap', 4, /memory|heap|ended without|longer than/i],
  ])(
    'a job %s fails alone: the event loop lives, and the next job gets a new worker',
    async (_name, byte, message) => {
      const compiler = compilerOf(MISBEHAVING, byte === 1 ? 300 : 20_000);
      const failed = await compiler.compile(new Uint8Array([byte]), signal);
      expect(failed).toEqual({ ok: false, problems: [expect.objectContaining({ code: 'ERR_BUNDLE_COMPILE' })] });
      expect(failed.ok ? '' : failed.problems[0]?.message).toMatch(message);
      expect(await compiler.compile(new Uint8Array([0]), signal)).toEqual({ ok: true, value: { jobs: 1, length: 1 } });
    },
    30_000,
  );

  test('answers jobs one after the other, each its own', async () => {
    const compiler = compilerOf(MISBEHAVING);
    const results = await Promise.all([1, 2, 3].map((length) => compiler.compile(new Uint8Array(length), signal)));
    expect(results.map((result) => result.ok && result.value)).toEqual([
      { jobs: 1, length: 1 },
      { jobs: 2, length: 2 },
      { jobs: 3, length: 3 },
    ]);
  });

  test('an abort ends the job, a closed compiler takes none', async () => {
    const compiler = compilerOf(MISBEHAVING);
    const stop = new AbortController();
    const pending = compiler.compile(new Uint8Array([1]), stop.signal);
    setImmediate(() => stop.abort());
    expect((await pending).ok).toBe(false);
    await compiler.close();
    expect((await compiler.compile(new Uint8Array([0]), signal)).ok).toBe(false);
  });
});

describe('what it runs', () => {
  test('turns the bytes of a bundle into data that survives a structured clone', async () => {
    const compiled = await compileBundleBytes(await bundleOf('1.0.0', ['read']));
    expect(compiled.ok).toBe(true);
    expect(structuredClone(compiled)).toEqual(compiled);
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['garbage', new Uint8Array([1, 2, 3])],
  ])('refuses %s', async (_name, bytes) => {
    expect((await compileBundleBytes(bytes)).ok).toBe(false);
  });
});
