import { afterEach, describe, expect, test } from '@jest/globals';
import { bundleOfImage, createImageReceiver, type LinkableBundle, outlineOf } from '@portcullis/policy';
import type { Checked } from '@portcullis/policy/model';
import { bundleOf } from '../fixtures/repository.js';
import { compileBundleBytes, createBytesCompiler } from './compile-bundle.js';
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

/**
 * Answers with a bundle that is called after the number of its jobs so far and whose version is the number of bytes that
 * it got; the first byte says how to misbehave.
 */
const MISBEHAVING = `
let jobs = 0;
const none = new Int32Array(0);
const answer = (bundle, segments) => ({
  bundle: { ...bundle, sets: [], modules: [] },
  counts: [],
  addresses: { segments, starts: segments, ends: segments },
  index: { count: 0, dimensions: [], groups: [], slots: none, postings: none, always: none },
  fields: [],
  added: new Map(),
});
port.on('message', ({ bytes }) => {
  jobs += 1;
  if (bytes[0] === 1) for (;;);
  if (bytes[0] === 2) throw new Error('broken worker');
  if (bytes[0] === 3) process.exit(0);
  if (bytes[0] === 4) { const hog = []; for (;;) hog.push(new Array(100000).fill(hog.length)); }
  // A segment that was never sent.
  const segments = bytes[0] === 5 ? new Int32Array([7]) : none;
  port.postMessage({ ok: true, value: answer({ name: 'job ' + jobs, version: String(bytes.length) }, segments) });
});`;

/** What {@link MISBEHAVING} said. */
function told(result: Checked<LinkableBundle>): { readonly jobs: number; readonly length: number } | undefined {
  if (!result.ok) return undefined;
  const { name, version } = outlineOf(result.value);
  return { jobs: Number(name.replace('job ', '')), length: Number(version) };
}

describe('the worker', () => {
  test('is kept warm between bundles', async () => {
    const compiler = compilerOf(MISBEHAVING);
    expect(told(await compiler.compile(new Uint8Array([0, 0]), signal))).toEqual({ jobs: 1, length: 2 });
    expect(told(await compiler.compile(new Uint8Array([0]), signal))).toEqual({ jobs: 2, length: 1 });
  });

  test.each([
    ['that never ends', 1, /longer than 300 ms/],
    ['that throws', 2, /broken worker/],
    ['that exits', 3, /ended without an answer/],
    ['that eats the heap', 4, /memory|heap|ended without|longer than/i],
    ['that builds on what was never sent', 5, /skipped an update/],
  ])(
    'a job %s fails alone: the event loop lives, and the next job gets a new worker',
    async (_name, byte, message) => {
      const compiler = compilerOf(MISBEHAVING, byte === 1 ? 300 : 20_000);
      const failed = await compiler.compile(new Uint8Array([byte]), signal);
      expect(failed).toEqual({ ok: false, problems: [expect.objectContaining({ code: 'ERR_BUNDLE_COMPILE' })] });
      expect(failed.ok ? '' : failed.problems[0]?.message).toMatch(message);
      expect(told(await compiler.compile(new Uint8Array([0]), signal))).toEqual({ jobs: 1, length: 1 });
    },
    30_000,
  );

  test('answers jobs one after the other, each its own', async () => {
    const compiler = compilerOf(MISBEHAVING);
    const results = await Promise.all([1, 2, 3].map((length) => compiler.compile(new Uint8Array(length), signal)));
    expect(results.map(told)).toEqual([
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

  test('gives of one bundle after another what changed, and the same bundles', async () => {
    const compile = createBytesCompiler();
    const receiver = createImageReceiver();
    const sizes: number[] = [];
    for (const names of [['read'], ['read', 'write'], ['read', 'write']]) {
      const bytes = await bundleOf('1.0.0', names);
      const update = await compile(bytes);
      if (!update.ok) throw new Error(JSON.stringify(update.problems));
      sizes.push([...update.value.added.values()].reduce((sum, { byteLength }) => sum + byteLength, 0));
      expect({ ok: true, value: bundleOfImage(receiver.receive(update.value)) }).toEqual(
        await compileBundleBytes(bytes),
      );
    }
    expect(sizes[1]).toBeGreaterThan(0);
    expect(sizes[2]).toBe(0);
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['garbage', new Uint8Array([1, 2, 3])],
  ])('refuses %s', async (_name, bytes) => {
    expect((await compileBundleBytes(bytes)).ok).toBe(false);
  });
});
