import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { FLOW } from './flow.js';
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

const from = (path: string, origin: string, ...labels: readonly string[]): JsonObject => ({ path, origin, labels });

interface Case {
  readonly name: string;
  readonly config?: JsonObject;
  readonly args?: JsonObject;
  readonly labels?: Json;
  readonly facts?: JsonObject;
  readonly finding: Finding;
}

const LABELLED = { sinks: ['external_message', 'payment'], labels: ['untrusted', 'confidential'] };
const TO = {
  sinks: ['external_message'],
  arguments: [
    { paths: ['tool.arguments.to'], allowed_origins: ['user', 'tool:contacts/*'], denied_labels: ['secret*'] },
  ],
  unless: { argument_labels: ['endorsed'] },
};
const ARGS = { to: ['a@example.com', 'b@example.com'], text: 'hi' };
const sinks = ['external_message'];

function expectFinding({
  config = LABELLED,
  args = ARGS,
  labels = ['untrusted'],
  facts = { sinks },
  finding,
}: Case): void {
  const context = labels === null ? {} : { context: { labels } };
  const request = requestOf('tool_call', {
    tool: { server: 'mail', name: 'send', arguments: args },
    facts,
    ...context,
  });
  expect(findingsOf(policyOf('flow', config), request)).toEqual(everyAction('flow', finding));
}

describe('flow by the labels of the session', () => {
  test.each<Case>([
    { name: 'a labelled session at a sink', finding: 'violates' },
    { name: 'a session with other labels', labels: ['internal'], finding: 'complies' },
    { name: 'a session without labels', labels: [], finding: 'complies' },
    { name: 'labels unknown', labels: null, finding: 'violates' },
    { name: 'another sink', facts: { sinks: ['log'] }, finding: 'complies' },
    { name: 'no sink', facts: { sinks: [] }, finding: 'complies' },
    { name: 'sinks unknown', facts: {}, finding: 'violates' },
    { name: 'sinks unknown, of a clean session', facts: {}, labels: [], finding: 'complies' },
    { name: 'sinks that are no texts', facts: { sinks: [5] }, finding: 'errs' },
    { name: 'labels that are no list', labels: 'untrusted', finding: 'errs' },
    { name: 'a label by glob', config: { sinks, labels: ['class:*'] }, labels: ['class:secret'], finding: 'violates' },
    {
      name: 'unknown, ignored',
      config: { ...LABELLED, unknown: 'ignore' },
      labels: null,
      facts: {},
      finding: 'complies',
    },
    {
      name: 'all labels',
      config: { sinks, all_labels: ['untrusted', 'confidential'] },
      labels: ['confidential', 'untrusted'],
      finding: 'violates',
    },
    { name: 'one of all labels', config: { sinks, all_labels: ['untrusted', 'confidential'] }, finding: 'complies' },
    {
      name: 'lifted by a label',
      config: { ...LABELLED, unless: { labels: ['reviewed'] } },
      labels: ['untrusted', 'reviewed'],
      finding: 'complies',
    },
    { name: 'not lifted', config: { ...LABELLED, unless: { labels: ['reviewed'] } }, finding: 'violates' },
  ])('$name: $finding', expectFinding);
});

describe('flow by where arguments come from', () => {
  const given = (...provenance: readonly Json[]): JsonObject => ({ sinks, provenance });
  test.each<Case>([
    { name: 'from the user', facts: given(from('tool.arguments.to', 'user')), finding: 'complies' },
    { name: 'from the contacts', facts: given(from('tool.arguments.to', 'tool:contacts/find')), finding: 'complies' },
    { name: 'from elsewhere', facts: given(from('tool.arguments.to', 'tool:web/fetch')), finding: 'violates' },
    {
      name: 'one of several from elsewhere',
      facts: given(from('tool.arguments.to[0]', 'user'), from('tool.arguments.to[1]', 'tool:web/fetch')),
      finding: 'violates',
    },
    {
      name: 'each from the user',
      facts: given(from('tool.arguments.to[0]', 'user'), from('tool.arguments.to[1]', 'user')),
      finding: 'complies',
    },
    { name: 'one of several unknown', facts: given(from('tool.arguments.to[0]', 'user')), finding: 'violates' },
    {
      name: 'two origins of one value',
      facts: given(from('tool.arguments.to', 'user'), from('tool.arguments', 'tool:web/fetch')),
      finding: 'violates',
    },
    { name: 'all arguments from the user', facts: given(from('tool.arguments', 'user')), finding: 'complies' },
    {
      name: 'another argument from elsewhere',
      facts: given(from('tool.arguments.to', 'user'), from('tool.arguments.text', 'tool:web/fetch')),
      finding: 'complies',
    },
    {
      name: 'an argument of a similar name',
      facts: given(from('tool.arguments.to', 'user'), from('tool.arguments.t', 'tool:web/fetch')),
      finding: 'complies',
    },
    { name: 'with a denied label', facts: given(from('tool.arguments.to', 'user', 'secret:key')), finding: 'violates' },
    {
      name: 'from any tool, which is denied',
      config: { sinks, arguments: [{ paths: ['tool.arguments.to'], denied_origins: ['tool:*'] }] },
      facts: given(from('tool.arguments.to', 'tool:web/fetch')),
      finding: 'violates',
    },
    { name: 'endorsed', facts: given(from('tool.arguments.to', 'tool:web/fetch', 'endorsed')), finding: 'complies' },
    {
      name: 'endorsed by one origin only',
      facts: given(from('tool.arguments.to', 'tool:web/fetch', 'endorsed'), from('tool.arguments', 'tool:web/fetch')),
      finding: 'violates',
    },
    { name: 'nothing known', facts: { sinks }, finding: 'violates' },
    { name: 'nothing known, ignored', config: { ...TO, unknown: 'ignore' }, facts: { sinks }, finding: 'complies' },
    { name: 'nothing known, and no such argument', args: { text: 'hi' }, facts: { sinks }, finding: 'complies' },
    { name: 'a truth value says too little', args: { to: true }, facts: given(), finding: 'complies' },
    { name: 'a number does not', args: { to: 5 }, facts: given(), finding: 'violates' },
    { name: 'a provenance that is none', facts: { sinks, provenance: 'user' }, finding: 'errs' },
    { name: 'an entry without labels', facts: given({ path: 'tool.arguments.to', origin: 'user' }), finding: 'errs' },
    { name: 'an entry without a path', facts: given({ path: 'tool..x', origin: 'user', labels: [] }), finding: 'errs' },
    {
      name: 'any argument of a name',
      config: { sinks, arguments: [{ paths: ['tool.arguments.*.url'], denied_origins: ['tool:web/*'] }] },
      args: { a: { url: 'x' }, b: [{ url: 'y' }] },
      facts: given(from('tool.arguments.a', 'user'), from('tool.arguments.b[0].url', 'tool:web/fetch')),
      finding: 'violates',
    },
    {
      name: 'labels and arguments together',
      config: { ...TO, labels: ['untrusted'] },
      labels: [],
      facts: given(from('tool.arguments.to', 'tool:web/fetch')),
      finding: 'complies',
    },
  ])('$name: $finding', ({ config = TO, ...one }) => expectFinding({ ...one, config }));
});

describe('flow by roles and by the task', () => {
  const role = (path: string, origin: string, is: string, ...labels: readonly string[]): JsonObject => ({
    ...from(path, origin, ...labels),
    role: is,
  });
  const ROLES = {
    sinks,
    arguments: [{ paths: ['tool.arguments'], roles: ['destination'], denied_labels: ['untrusted'] }],
  };
  const given = (...provenance: readonly Json[]): JsonObject => ({ sinks, provenance });
  const OUTSIDE = { sinks, task_scope: ['outside'] };
  test.each<Case>([
    {
      name: 'a value of the role',
      config: ROLES,
      args: { to: 'x' },
      facts: given(role('tool.arguments.to', 'tool:web/x', 'destination', 'untrusted')),
      finding: 'violates',
    },
    {
      name: 'a value of another role',
      config: ROLES,
      args: { to: 'x' },
      facts: given(role('tool.arguments.to', 'tool:web/x', 'payload', 'untrusted')),
      finding: 'complies',
    },
    {
      name: 'a value of which nobody knows the role',
      config: ROLES,
      args: { to: 'x' },
      facts: given(from('tool.arguments.to', 'tool:web/x', 'untrusted')),
      finding: 'violates',
    },
    {
      name: 'a value of which nothing is known',
      config: ROLES,
      args: { to: 'x' },
      facts: given(),
      finding: 'violates',
    },
    {
      name: 'a role that is no text',
      config: ROLES,
      args: { to: 'x' },
      facts: given({ ...from('tool.arguments.to', 'user'), role: 5 }),
      finding: 'errs',
    },
    { name: 'outside the task', config: OUTSIDE, facts: { sinks, task_scope: 'outside' }, finding: 'violates' },
    { name: 'inside it', config: OUTSIDE, facts: { sinks, task_scope: 'inside' }, finding: 'complies' },
    { name: 'a task that nobody knows', config: OUTSIDE, facts: { sinks }, finding: 'violates' },
    {
      name: 'the same, ignored',
      config: { ...OUTSIDE, unknown: 'ignore' },
      facts: { sinks },
      finding: 'complies',
    },
    {
      name: 'lifted by the task',
      config: { ...LABELLED, unless: { task_scope: ['continued'] } },
      facts: { sinks, task_scope: 'continued' },
      finding: 'complies',
    },
    {
      name: 'not lifted by a task that nobody knows',
      config: { ...LABELLED, unless: { task_scope: ['continued'] } },
      finding: 'violates',
    },
  ])('$name: $finding', expectFinding);
});

describe('flow', () => {
  test('the example holds a message to a recipient from a web page', () => {
    const request = requestOf('tool_call', {
      tool: { server: 'mail', name: 'send', arguments: { to: 'x@evil.example' } },
      facts: { sinks, provenance: [from('tool.arguments.to', 'tool:web/fetch', 'untrusted')] },
      context: { labels: ['untrusted'] },
    });
    expect(engineOf(FLOW.example).evaluate(request)).toMatchObject({
      effect: 'hold',
      deny: [{ code: 'APPROVAL_REQUIRED', reason_code: 'FLOW_FORBIDDEN' }],
    });
  });

  test('names the fields that it reads', () => {
    expect(engineOf(policyOf('flow', TO)).factsNeeded).toEqual(
      expect.arrayContaining(['facts.provenance', 'facts.sinks', 'tool.arguments.to']),
    );
  });

  test('a handshake is not spoken of', () => {
    expect(engineOf(FLOW.example).evaluate(requestOf('session')).effect).toBe('allow');
  });

  test.each<{ config: Json; says: string }>([
    { config: { sinks }, says: 'say what may not reach the sinks' },
    { config: { labels: ['a'] }, says: 'config.sinks is missing' },
    {
      config: { sinks, arguments: [{ paths: ['tool.arguments.to'] }] },
      says: 'config.arguments[0]: say what may reach the paths',
    },
    {
      config: { sinks, arguments: [{ paths: ['tool.argument.to'], denied_labels: ['a'] }] },
      says: 'config.arguments[0].paths[0]: unknown field "tool.argument.to"; did you mean "tool.arguments.to"?',
    },
    { config: { sinks, arguments: [{ paths: ['tool..x'], denied_labels: ['a'] }] }, says: 'is not a path such as' },
    {
      config: { sinks, arguments: [{ paths: ['facts.history'], denied_labels: ['a'] }] },
      says: 'facts are about the request',
    },
    { config: { sinks, labels: ['a'], unless: { argument_labels: ['b'] } }, says: 'config.unless.argument_labels' },
    { config: { sinks, label: ['a'] }, says: 'did you mean "labels"?' },
    { config: { sinks, labels: ['a'], unknown: 'allow' }, says: 'config.unknown: "allow" is not one of block, ignore' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('flow', config)).join('\n')).toContain(says);
  });

  test('it cannot allow', () => {
    expect(problemsOf({ ...FLOW.example, action: 'allow' }).join('\n')).toContain('a flow policy cannot allow');
  });
});
