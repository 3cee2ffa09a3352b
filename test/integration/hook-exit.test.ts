import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/root.js';

/** `portcullis hook` as agents run it: they go on with a tool at every exit code but 2, which is what Node itself does not end with. */
const MAIN = join(repositoryRoot(), 'cli', 'dist', 'main.js');
const EVENT = JSON.stringify({ hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command: 'ls' } });

let started: ChildProcess | undefined;
afterEach(() => {
  started?.kill('SIGKILL');
});

/** Asks a sidecar that is not there. @param broken which of its streams takes nothing; 0: its input never ends */
async function exitCode(broken: 0 | 1 | 2 | undefined, flags: readonly string[]): Promise<unknown> {
  const full = await open('/dev/full', 'w');
  try {
    const output = (stream: 1 | 2) => (stream === broken ? full.fd : 'ignore');
    const child = spawn(process.execPath, [MAIN, 'hook', '--url', 'http://127.0.0.1:1', ...flags], {
      stdio: ['pipe', output(1), output(2)],
    });
    if (broken === 0) child.stdin?.write(EVENT);
    else child.stdin?.end(EVENT);
    started = child;
    const [code] = (await once(child, 'exit')) as readonly unknown[];
    return code;
  } finally {
    await full.close();
  }
}

test.each([
  ['everything can be said', undefined, [], 2],
  ['its answer cannot be written', 1, [], 2],
  ['its answer to Copilot CLI cannot be written', 1, ['--agent', 'copilot'], 2],
  ['the reason cannot be written', 2, [], 2],
  ['the event does not end', 0, [], 2],
  // Of a hook that failed it would not read the answer, which is there.
  ['the reason cannot be written, and Copilot CLI has its answer', 2, ['--agent', 'copilot'], 0],
] as const)('blocks when %s', async (_what, broken, flags, code) => {
  expect(await exitCode(broken, flags)).toBe(code);
});
