import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';
import { TOOL_ALLOWLIST } from './tool-allowlist.js';

const findingsOf = createFindings();

const EXAMPLE = TOOL_ALLOWLIST.example['config'] ?? null;

describe('tool_allowlist', () => {
  test.each<{ name: string; config?: Json; kind?: string; tool: JsonObject; finding: Finding }>([
    { name: 'a tool by glob', tool: { server: 'files', name: 'read_file' }, finding: 'complies' },
    { name: 'a tool by name', tool: { server: 'tickets', name: 'search' }, finding: 'complies' },
    { name: 'another tool of the server', tool: { server: 'tickets', name: 'delete' }, finding: 'violates' },
    { name: 'the name at another server', tool: { server: 'evil', name: 'read_file' }, finding: 'violates' },
    { name: "one server's tool at another", tool: { server: 'files', name: 'search' }, finding: 'violates' },
    { name: 'a name without a server', tool: { name: 'read_file' }, finding: 'violates' },
    { name: 'a server without a name', tool: { server: 'files' }, finding: 'violates' },
    { name: 'a name that is no text', tool: { server: 'files', name: 5 }, finding: 'errs' },
    { name: 'a server that is no text', tool: { server: ['files'], name: 'read_file' }, finding: 'errs' },
    { name: 'the list of a server', kind: 'tool_list', tool: { server: 'files' }, finding: 'complies' },
    { name: 'the list of another server', kind: 'tool_list', tool: { server: 'evil' }, finding: 'violates' },
    { name: 'an entry of the list', kind: 'tool_list', tool: { server: 'files', name: 'read_x' }, finding: 'complies' },
    { name: 'another entry', kind: 'tool_list', tool: { server: 'files', name: 'write_x' }, finding: 'violates' },
    { name: 'all of a server', config: { tools: ['db/*'] }, tool: { server: 'db', name: 'a/b' }, finding: 'complies' },
    {
      name: 'servers by glob',
      config: { tools: [{ server: 'eu-*', name: 'get' }] },
      tool: { server: 'eu-1', name: 'get' },
      finding: 'complies',
    },
    {
      name: 'a name with a slash',
      config: { tools: ['db/a/b'] },
      tool: { server: 'db', name: 'a/b' },
      finding: 'complies',
    },
    {
      name: 'two entries of one server',
      config: { tools: ['db/get', 'db/put', 'x/y'] },
      tool: { server: 'db', name: 'put' },
      finding: 'complies',
    },
  ])('$name: $finding', ({ config = EXAMPLE, kind = 'tool_call', tool, finding }) => {
    expect(findingsOf(policyOf('tool_allowlist', config), requestOf(kind, { tool }))).toEqual(
      everyAction('tool_allowlist', finding),
    );
  });

  test('other attempts are not spoken of', () => {
    expect(engineOf(TOOL_ALLOWLIST.example).evaluate(requestOf('inference')).effect).toBe('allow');
  });

  test.each<{ config: Json; says: string }>([
    {
      config: { tools: ['read_file'] },
      says: 'config.tools[0]: expected "server/name"; a bare name would mean any server',
    },
    { config: { tools: ['a/b', 5] }, says: 'config.tools[1]: expected "server/name", or {server, name}' },
    { config: { tools: [{ server: 'a' }] }, says: 'config.tools[0]' },
    { config: { tools: [{ server: 'a', name: 'b', nam: 'c' }] }, says: 'unknown key "nam"; did you mean "name"?' },
    { config: { tools: ['a/[b'] }, says: 'config.tools[0]: the glob has a "["' },
    { config: { tool: ['a/b'] }, says: 'did you mean "tools"?' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('tool_allowlist', config)).join('\n')).toContain(says);
  });
});
