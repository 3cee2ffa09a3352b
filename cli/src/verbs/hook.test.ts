import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runHook } from '../hook/run-hook.js';

const asked: Record<string, unknown>[] = [];
let answer: readonly [status: number, body: object] = [200, {}];
let server: Server;
let url = '';
const ALLOW = [200, { decision: 'allow', decision_id: 'd1', request_digest: 'ab' }] as const;
const DENY = [403, { decision: 'deny', code: 'POLICY_DENIED', message: 'no deleting', decision_id: 'd1' }] as const;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ path: request.url, ...JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(answer[0]).end(JSON.stringify(answer[1]));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close().closeAllConnections();
});

async function hook(event: unknown, flags: readonly string[] = ['--url', url]) {
  let stdout = '';
  let stderr = '';
  const code = await runHook(['hook', ...flags], {
    terminal: {
      width: 80,
      data: (text) => {
        stdout += text;
      },
      say: (text) => {
        stderr += text;
      },
      input: async () => new TextEncoder().encode(typeof event === 'string' ? event : JSON.stringify(event)),
    },
    signal: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

const BASH = {
  hook_event_name: 'PreToolUse',
  session_id: 's1',
  cwd: '/repo',
  tool_name: 'Bash',
  tool_input: { command: 'rm -rf /' },
  tool_use_id: 't1',
};

/** As Codex tells it: codex-rs/hooks/schema/generated/pre-tool-use.command.input.schema.json. */
const PATCH = {
  hook_event_name: 'PreToolUse',
  session_id: 's1',
  turn_id: 'turn-1',
  transcript_path: null,
  model: 'gpt-5-codex',
  permission_mode: 'default',
  cwd: '/repo',
  tool_name: 'apply_patch',
  tool_input: { command: '*** Begin Patch' },
  tool_use_id: 'call_1',
};

describe('before a tool', () => {
  test.each([
    ['Claude Code', BASH, { server: 'builtin', name: 'Bash', arguments: { command: 'rm -rf /', cwd: '/repo' } }],
    [
      'Claude Code, of an MCP server',
      { ...BASH, tool_name: 'mcp__github__create_issue', tool_input: { title: 'x' } },
      { server: 'github', name: 'create_issue', arguments: { title: 'x', cwd: '/repo' } },
    ],
    [
      'Codex',
      PATCH,
      { server: 'builtin', name: 'apply_patch', arguments: { command: '*** Begin Patch', cwd: '/repo' } },
    ],
    [
      'Codex, of an MCP server',
      { ...PATCH, tool_name: 'mcp__db__query', tool_input: { sql: 'select 1' } },
      { server: 'db', name: 'query', arguments: { sql: 'select 1', cwd: '/repo' } },
    ],
    [
      'Gemini CLI',
      {
        hook_event_name: 'BeforeTool',
        session_id: 's1',
        tool_name: 'run_shell_command',
        tool_input: { command: 'ls' },
      },
      { server: 'builtin', name: 'run_shell_command', arguments: { command: 'ls' } },
    ],
    [
      'Cursor’s shell',
      { hook_event_name: 'beforeShellExecution', conversation_id: 'c', command: 'ls', cwd: '/r' },
      { server: 'builtin', name: 'Shell', arguments: { command: 'ls', cwd: '/r' } },
    ],
    [
      'Cursor’s MCP',
      { hook_event_name: 'beforeMCPExecution', tool_name: 'query', tool_input: '{"sql":"select 1"}', server: 'db' },
      { server: 'db', name: 'query', arguments: { sql: 'select 1' } },
    ],
    [
      'Copilot CLI',
      { toolName: 'bash', toolArgs: '{"command":"ls"}', cwd: '/r', timestamp: 1 },
      { server: 'builtin', name: 'bash', arguments: { command: 'ls', cwd: '/r' } },
    ],
    [
      'Copilot CLI, which says that there is no result',
      { toolName: 'bash', toolArgs: '{"command":"ls"}', toolResult: null },
      { server: 'builtin', name: 'bash', arguments: { command: 'ls' } },
    ],
  ])('%s: the sidecar is asked about its arguments; an allow says nothing', async (_agent, event, tool) => {
    answer = ALLOW;
    asked.length = 0;
    expect(await hook(event)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(asked).toMatchObject([{ path: '/v1/authorize', source: 'hook', kind: 'tool_call', tool }]);
  });

  describe('that can be of several MCP servers by its name', () => {
    const event = { ...BASH, tool_name: 'mcp__git__hub___x' };
    const known = (...names: string[]): readonly string[] => names.flatMap((name) => ['--mcp-server', name]);

    test.each([
      [known('git'), { server: 'git', name: 'hub___x' }],
      [known('git__hub'), { server: 'git__hub', name: '_x' }],
      [known('files', 'git__hub_'), { server: 'git__hub_', name: 'x' }],
    ])('it is of the one that the agent has: %j', async (flags, tool) => {
      answer = ALLOW;
      asked.length = 0;
      expect((await hook(event, ['--url', url, ...flags])).code).toBe(0);
      expect(asked).toMatchObject([{ tool }]);
    });

    test.each([
      ['none is named', known(), '--mcp-server'],
      ['another is named', known('files'), '--mcp-server'],
      ['two are', known('git', 'git__hub'), 'rename one of them'],
    ])('nobody is asked, and it is blocked, when %s', async (_what, flags, says) => {
      answer = ALLOW;
      asked.length = 0;
      const run = await hook(event, ['--url', url, ...flags]);
      expect([run.code, asked]).toEqual([2, []]);
      expect(run.stderr).toContain(says);
    });
  });

  test.each([
    ['Claude Code', BASH, 2, { hookSpecificOutput: { permissionDecision: 'deny' } }],
    ['Codex', PATCH, 2, { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny' } }],
    ['Gemini CLI', { hook_event_name: 'BeforeTool', tool_name: 'x', tool_input: {} }, 2, { decision: 'deny' }],
    ['Cursor', { hook_event_name: 'beforeShellExecution', command: 'ls' }, 2, { permission: 'deny' }],
    ['Copilot CLI', { toolName: 'bash', toolArgs: '{}' }, 0, { permissionDecision: 'deny' }],
  ])('%s: a denial is put in its own words', async (_agent, event, code, said) => {
    answer = DENY;
    const run = await hook(event);
    expect(run.code).toBe(code);
    expect(JSON.parse(run.stdout)).toMatchObject(said);
    expect(run.stdout).toContain('no deleting (POLICY_DENIED, decision d1)');
    expect(run.stderr).toContain('no deleting');
  });

  test('Codex is told nothing that its schema does not have', async () => {
    answer = DENY;
    const said = JSON.parse((await hook(PATCH)).stdout) as { readonly hookSpecificOutput: object };
    expect(Object.keys(said)).toEqual(['hookSpecificOutput']);
    expect(Object.keys(said.hookSpecificOutput).toSorted()).toEqual([
      'hookEventName',
      'permissionDecision',
      'permissionDecisionReason',
    ]);
  });

  test('a hold says which approval it waits for', async () => {
    const hold = { approval_id: 'a1', asked: [] };
    answer = [403, { decision: 'hold', code: 'APPROVAL_REQUIRED', message: 'a person has to agree', hold }];
    expect((await hook(BASH)).stderr).toContain('approval a1');
  });

  test.each([
    ['no JSON', 'nonsense'],
    ['a member twice', '{"hook_event_name":"PreToolUse","tool_name":"a","tool_name":"b","tool_input":{}}'],
    ['no tool', { hook_event_name: 'PreToolUse', tool_input: {} }],
    ['no arguments', { hook_event_name: 'PreToolUse', tool_name: 'Bash' }],
    ['no arguments of Copilot CLI', { toolName: 'bash', arguments: '{"command":"rm"}' }],
    ['arguments that are no object', { ...BASH, tool_input: 'rm -rf /' }],
    ['arguments in a text, with a member twice', { toolName: 'bash', toolArgs: '{"command":"ls","command":"rm"}' }],
    ['the same of Cursor', { hook_event_name: 'beforeMCPExecution', tool_name: 'q', tool_input: '{"a":1,"a":2}' }],
    ['another event', { hook_event_name: 'Stop' }],
    ['an event that objects have by themselves', { ...BASH, hook_event_name: 'constructor' }],
    ['an MCP server that has the name of what is built in', { ...BASH, tool_name: 'mcp__builtin__Read' }],
    [
      'the same of Gemini CLI',
      {
        hook_event_name: 'BeforeTool',
        tool_name: 'x',
        tool_input: {},
        mcp_context: { server_name: 'builtin', tool_name: 'Read' },
      },
    ],
    [
      'the same of Cursor',
      { hook_event_name: 'beforeMCPExecution', tool_name: 'Read', tool_input: '{}', server: 'builtin' },
    ],
    ['a list', []],
    ['nothing', ''],
  ])('an event that is unusable blocks: %s', async (_what, event) => {
    answer = ALLOW;
    const run = await hook(event);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain("the hook's event is unusable");
  });

  test.each([
    ['no sidecar is named', []],
    ['two are', ['--url', 'http://127.0.0.1:1', '--socket', '/x']],
    ['nobody is there', ['--url', 'http://127.0.0.1:1']],
    ['a flag is unknown', ['--sockets', '/x']],
    ['a flag is wrong', ['--url', 'http://127.0.0.1:1', '--timeout-ms', 'soon']],
  ])('blocks when %s', async (_what, flags) => {
    expect((await hook(BASH, flags)).code).toBe(2);
  });
});

test('blocks when it would wait longer than its agent waits for it', async () => {
  answer = ALLOW;
  expect((await hook(BASH, ['--url', url, '--timeout-ms', '30000'])).code).toBe(2);
});

test.each([
  ['no sidecar is named', BASH, []],
  ['a flag is unknown', BASH, ['--url', 'http://127.0.0.1:1', '--sockets', '/x']],
  ['the event is unusable', 'nonsense', ['--url', 'http://127.0.0.1:1']],
])('Copilot CLI is told to deny, and not only of a failure, when %s', async (_what, event, flags) => {
  const run = await hook(event, ['--agent', 'copilot', ...flags]);
  expect(run.code).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ permissionDecision: 'deny' });
});

test.each([
  ['denies', true],
  ['cannot be reached', false],
])('Copilot CLI gets one answer to the event of Claude Code when the sidecar %s', async (_what, isThere) => {
  answer = DENY;
  const run = await hook(BASH, ['--agent', 'copilot', '--url', isThere ? url : 'http://127.0.0.1:1']);
  expect(run.code).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({
    permissionDecision: 'deny',
    hookSpecificOutput: { permissionDecision: 'deny' },
  });
});

test.each([
  ['Cursor', { hook_event_name: 'beforeShellExecution', command: 'ls' }, { permission: 'deny' }],
  ['Gemini CLI', { hook_event_name: 'BeforeTool', tool_name: 'shell', tool_input: {} }, { decision: 'deny' }],
])(
  '%s is refused in its own words, and blocks, where the words of Copilot CLI were asked for',
  async (_agent, event, said) => {
    answer = DENY;
    const run = await hook(event, ['--agent', 'copilot', '--url', url]);
    expect(run.code).toBe(2);
    expect(JSON.parse(run.stdout)).toMatchObject(said);
  },
);

test.each([
  ['Claude Code', BASH, 't1'],
  ['Codex', PATCH, 'call_1'],
])('after a tool of %s the outcome is told, with what it brought', async (_agent, before, call) => {
  answer = [200, { recorded: true }];
  asked.length = 0;
  const event = { ...before, hook_event_name: 'PostToolUse', tool_response: { stdout: 'x' } };
  expect(await hook(event)).toEqual({ code: 0, stdout: '', stderr: '' });
  const told = { session_id: 's1', correlation_id: call, outcome: 'forwarded', result: { stdout: 'x' } };
  expect(asked).toEqual([{ path: '/v1/outcomes', ...told }]);
});

test('no outcome is told of a call of Cursor that has no name of its own: all calls of a turn have its generation', async () => {
  answer = ALLOW;
  asked.length = 0;
  const turn = { conversation_id: 'c', generation_id: 'g', tool_name: 'Read', tool_input: {} };
  await hook({ ...turn, hook_event_name: 'preToolUse' });
  await hook({ ...turn, hook_event_name: 'preToolUse', tool_use_id: 't1' });
  await hook({ ...turn, hook_event_name: 'postToolUse', tool_output: '{}' });
  expect(asked.map(({ path, correlation_id }) => [path, correlation_id])).toEqual([
    ['/v1/authorize', undefined],
    ['/v1/authorize', 't1'],
  ]);
});
