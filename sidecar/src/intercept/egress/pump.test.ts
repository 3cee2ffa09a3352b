import { PassThrough, Readable, Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { pump } from './pump.js';

const CHUNKS = [Buffer.from('one'), Buffer.from('two'), Buffer.from('three')];

function taken(stream: PassThrough): string {
  let text = '';
  for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
    text += chunk.toString();
  }
  return text;
}

test.each<[string, (bytes: number) => boolean | Promise<boolean>]>([
  ['at once', (bytes) => bytes !== 5],
  ['later', async (bytes) => bytes !== 5],
])('what is refused %s is not written, and nothing after it', async (_name, admit) => {
  const to = new PassThrough();
  expect(await pump(Readable.from(CHUNKS), to, admit)).toBe(false);
  expect(taken(to)).toBe('onetwo');
  expect(to.writableEnded).toBe(false);
});

test('everything that is admitted arrives, and the end with it', async () => {
  const to = new PassThrough();
  expect(await pump(Readable.from(CHUNKS), to, () => true)).toBe(true);
  expect(taken(to)).toBe('onetwothree');
  expect(to.writableEnded).toBe(true);
});

test('a reader that has left ends it, and one that breaks is heard of', async () => {
  const gone = new Writable({ write: (_chunk, _encoding, done) => done() });
  gone.destroy();
  expect(await pump(Readable.from(CHUNKS), gone, () => true)).toBe(false);
  const broken = new Readable({
    read() {
      this.destroy(new Error('broken off'));
    },
  });
  await expect(pump(broken, new PassThrough(), () => true)).rejects.toThrow('broken off');
});
