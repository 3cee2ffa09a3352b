import { PassThrough, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { processTerminal } from './terminal.js';

/** Nobody reads what is written to it. */
function broken(): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
}

test('a reader that has gone is no error, and is told to whoever would go on', async () => {
  const stdout = broken();
  const terminal = processTerminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough() });
  expect(terminal.unread?.aborted).toBe(false);
  terminal.data('a line');
  await expect(finished(stdout)).rejects.toThrow('EPIPE');
  expect(terminal.unread?.aborted).toBe(true);
  terminal.data('another');
});

test('words that nobody hears are no error either, and end nothing', async () => {
  const stderr = broken();
  const terminal = processTerminal({ stdin: new PassThrough(), stdout: new PassThrough(), stderr });
  terminal.say('a line', 'bad');
  await expect(finished(stderr)).rejects.toThrow('EPIPE');
  expect(terminal.unread?.aborted).toBe(false);
});

test('what is typed is waited for until it is interrupted', async () => {
  const terminal = processTerminal({ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() });
  const interrupt = new AbortController();
  const input = terminal.input(interrupt.signal);
  interrupt.abort();
  await expect(input).rejects.toThrow('abort');
});
