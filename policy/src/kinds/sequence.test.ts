import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { SEQUENCE } from './sequence.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';

const findingsOf = createFindings();

const NOW = '2026-03-02T10:00:00Z';
const past = (server: string, tool: string, more: JsonObject = {}): JsonObject => ({
  kind: 'tool_call',
  server,
  tool,
  effect: 'allow',
  at: '2026-03-02T09:59:00Z',
  ...more,
});
const READ = past('vault', 'read_key');
const OTHER = past('files', 'list');
const SEND = { server: 'mail', name: 'send_mail' };

interface Case {
  readonly name: string;
  readonly config?: Json;
  readonly tool?: JsonObject;
  readonly history?: Json;
  readonly finding: Finding;
}

function expectFinding({ config = SEQUENCE.example['config'] ?? null, tool = SEND, history, finding }: Case): void {
  const facts = history === undefined ? {} : { facts: { history } };
  const request = requestOf('tool_call', { tool, ...facts, context: { timestamp: NOW } });
  expect(findingsOf(policyOf('sequence', config), request)).toEqual(everyAction('sequence', finding));
}

const forbid = { server: 'mail' };
const after = { server: 'vault' };

describe('sequence: forbid', () => {
  test.each<Case>([
    { name: 'after what forbids it', history: [OTHER, READ, OTHER], finding: 'violates' },
    { name: 'after something else', history: [OTHER], finding: 'complies' },
    { name: 'after nothing', history: [], finding: 'complies' },
    {
      name: 'after what was denied and so not done',
      history: [past('vault', 'read_key', { effect: 'deny' })],
      finding: 'complies',
    },
    {
      name: 'too long after',
      history: [past('vault', 'read_key', { at: '2026-03-02T08:59:59Z' })],
      finding: 'complies',
    },
    {
      name: 'just in the window',
      history: [past('vault', 'read_key', { at: '2026-03-02T09:00:00Z' })],
      finding: 'violates',
    },
    { name: 'another tool of the server', history: [past('vault', 'list')], finding: 'complies' },
    { name: 'the tool of another server', history: [past('files', 'read_key')], finding: 'complies' },
    { name: 'another attempt', tool: { server: 'mail', name: 'list' }, history: [READ], finding: 'complies' },
    { name: 'a history that nobody knows', finding: 'violates' },
    { name: 'an unknown history, of another attempt', tool: { server: 'files', name: 'x' }, finding: 'complies' },
    { name: 'a history that is none', history: 'read_key', finding: 'errs' },
    { name: 'an attempt without a time', history: [past('vault', 'read_key', { at: 'once' })], finding: 'errs' },
    { name: 'an attempt that is none', history: [5], finding: 'errs' },
    {
      name: 'an unknown history, ignored',
      config: { after, forbid, unknown: 'ignore' },
      finding: 'complies',
    },
    {
      name: 'a denied attempt, when it is asked for, often enough',
      config: { after: { server: 'vault', effect: 'deny', times: 2 }, forbid },
      history: [past('vault', 'a', { effect: 'deny' }), OTHER, past('vault', 'b', { effect: 'deny' })],
      finding: 'violates',
    },
    {
      name: 'not often enough',
      config: { after: { server: 'vault', effect: 'deny', times: 2 }, forbid },
      history: [past('vault', 'a', { effect: 'deny' }), READ],
      finding: 'complies',
    },
    {
      name: 'two steps in their order',
      config: { after: [after, { server: 'files' }], forbid },
      history: [READ, OTHER],
      finding: 'violates',
    },
    {
      name: 'in the other order',
      config: { after: [after, { server: 'files' }], forbid },
      history: [OTHER, READ],
      finding: 'complies',
    },
    { name: 'a step cannot be two', config: { after: [after, after], forbid }, history: [READ], finding: 'complies' },
    {
      name: 'lifted since',
      config: { after, forbid, until: { server: 'files' } },
      history: [READ, OTHER],
      finding: 'complies',
    },
    {
      name: 'and done again',
      config: { after, forbid, until: { server: 'files' } },
      history: [READ, OTHER, READ],
      finding: 'violates',
    },
    {
      name: 'within the last calls',
      config: { after, forbid, within_calls: 2 },
      history: [READ, OTHER],
      finding: 'violates',
    },
    {
      name: 'before the last calls',
      config: { after, forbid, within_calls: 2 },
      history: [READ, OTHER, OTHER],
      finding: 'complies',
    },
    {
      name: 'by label',
      config: { after: { labels: 'secret*' }, forbid },
      history: [past('a', 'b', { labels: ['x', 'secret:key'] })],
      finding: 'violates',
    },
    {
      name: 'by another label',
      config: { after: { labels: 'secret*' }, forbid },
      history: [past('a', 'b', { labels: ['x'] })],
      finding: 'complies',
    },
    {
      name: 'by kind',
      config: { after: { kind: ['egress', 'inference'] }, forbid },
      history: [{ kind: 'egress', effect: 'allow', at: NOW }],
      finding: 'violates',
    },
  ])('$name: $finding', expectFinding);
});

describe('sequence: require', () => {
  const config = {
    after: { server: 'ci', tool: 'test' },
    require: { server: 'ci', tool: 'deploy' },
    until: { server: 'git', tool: 'push' },
  };
  const tool = { server: 'ci', name: 'deploy' };
  test.each<Case>([
    { name: 'after what it needs', config, tool, history: [past('ci', 'test')], finding: 'complies' },
    { name: 'without it', config, tool, history: [OTHER], finding: 'violates' },
    {
      name: 'when something undid it',
      config,
      tool,
      history: [past('ci', 'test'), past('git', 'push')],
      finding: 'violates',
    },
    { name: 'another attempt', config, tool: SEND, history: [], finding: 'complies' },
    { name: 'an unknown history', config, tool, finding: 'violates' },
    { name: 'an unknown history, ignored', config: { ...config, unknown: 'ignore' }, tool, finding: 'complies' },
  ])('$name: $finding', expectFinding);
});

describe('sequence', () => {
  test('without a time of its own, what is limited in time is unknown', () => {
    const request = { ...requestOf('tool_call', { tool: SEND, facts: { history: [] } }), context: { request_id: 'r' } };
    const verdict = engineOf(SEQUENCE.example).evaluate(request as unknown as ReturnType<typeof requestOf>);
    expect(verdict.deny).toMatchObject([{ reason_code: 'SEQUENCE_FORBIDDEN' }]);
  });

  test('names the fields that it reads', () => {
    expect(engineOf(SEQUENCE.example).factsNeeded).toEqual(
      expect.arrayContaining(['context.timestamp', 'facts.history', 'tool.name', 'tool.server']),
    );
  });

  test.each<{ config: Json; says: string }>([
    { config: { after }, says: 'a sequence has either forbid or require' },
    { config: { after, forbid, require: forbid }, says: 'a sequence has either forbid or require' },
    { config: { after: {}, forbid }, says: 'config.after: an attempt is described by at least one of its parts' },
    { config: { after, forbid: { servr: 'a' } }, says: 'unknown key "servr"; did you mean "server"?' },
    { config: { after, forbid: { server: 'a', effect: 'deny' } }, says: 'unknown key "effect"' },
    { config: { after: { tool: '[x' }, forbid }, says: 'the glob has a "["' },
    { config: { after, forbid, within_second: 5 }, says: 'did you mean "within_seconds"?' },
    {
      config: { after, forbid: { kind: 'tool_cal' } },
      says: 'config.forbid.kind: "tool_cal" is not one of tool_call,',
    },
    {
      config: { after: { effect: ['allow', 'dny'] }, forbid },
      says: 'config.after: effect: [1]: "dny" is not one of allow, deny, hold; did you mean "deny"?',
    },
    { config: { after, forbid, until: { tool: 'x', times: 2 } }, says: 'unknown key "times"' },
    { config: { forbid }, says: 'config.after' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('sequence', config)).join('\n')).toContain(says);
  });

  test('it cannot allow', () => {
    expect(problemsOf({ ...SEQUENCE.example, action: 'allow' }).join('\n')).toContain('a sequence policy cannot allow');
  });
});
