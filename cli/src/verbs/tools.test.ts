import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EXIT } from '../exit-codes.js';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';

const FIRST = 'a'.repeat(64);
const NOW = 'b'.repeat(64);
const SEEN = {
  version: 1,
  tools: [
    { server: 'files', name: 'write', digest: FIRST, seen: '2026-11-22T00:00:00Z' },
    {
      server: 'files',
      name: 'read',
      digest: FIRST,
      seen: '2026-11-22T00:00:00Z',
      quarantined: {
        digest: NOW,
        reason: 'TOOL_DEFINITION_CHANGED',
        at: '2026-11-22T01:00:00Z',
        tool: { name: 'read', description: '\u202eevil\u001b[2J' },
      },
    },
  ],
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let state = '';
let accepted = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  state = join(folder.path, 'state.json');
  accepted = join(folder.path, 'accepted.json');
  await writeFile(state, JSON.stringify(SEEN));
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const accept = (digest: string, name = 'read'): Promise<CliRun> =>
  runForTest(['tools', 'accept', 'files', name, '--digest', digest, '--state', state, '--accepted', accepted]);
const written = async (): Promise<unknown> => JSON.parse(await readFile(accepted, 'utf8'));

test('lists what is quarantined, why and with which digest, and what stands when asked', async () => {
  const { stdout } = await runForTest(['tools', 'list', '--state', state]);
  expect(stdout).toContain(`files   read  TOOL_DEFINITION_CHANGED  2026-11-22T01:00:00Z  ${NOW}`);
  expect(stdout).not.toContain('write');
  const all = await runForTest(['tools', 'list', '--state', state, '--all']);
  expect(all.stdout).toMatch(/write +stands/);
  const json = await runForTest(['tools', 'list', '--state', state, '--json']);
  expect(JSON.parse(json.stdout)).toEqual({ tools: [SEEN.tools[1]] });
});

test('accepts the definition that was looked at, in place of others of the tool', async () => {
  const other = { server: 'files', name: 'other', digest: FIRST };
  await writeFile(
    accepted,
    JSON.stringify({ version: 1, accepted: [other, { server: 'files', name: 'read', digest: FIRST }] }),
  );
  expect((await accept(NOW)).code).toBe(EXIT.ok);
  expect(await written()).toEqual({ version: 1, accepted: [other, { server: 'files', name: 'read', digest: NOW }] });
});

test.each([
  ['that the server no longer has', 'c'.repeat(64), 'read', 'it has'],
  ['of a tool that was never seen', NOW, 'nothing', 'never seen'],
])('accepts no definition %s', async (_what, digest, name, why) => {
  const { code, stderr } = await accept(digest, name);
  expect([code, stderr.includes(why)]).toEqual([EXIT.failure, true]);
  await expect(written()).rejects.toThrow('ENOENT');
});

test.each([
  ['a state file that is none', () => writeFile(state, '{"tools":1}'), 'ERR_TOOL_STATE'],
  ['a state file that is not there', () => rm(state), 'is not there: expected what `definitions.stateFile`'],
  ['a file of accepted ones that is none', () => writeFile(accepted, '[]'), 'ERR_TOOL_ACCEPTED'],
])('does nothing with %s', async (_what, spoil, why) => {
  await spoil();
  const { code, stderr } = await accept(NOW);
  expect([code, stderr.includes(why)]).toEqual([EXIT.failure, true]);
});
