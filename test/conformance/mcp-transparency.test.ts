/**
 * Under a policy that allows everything the sidecar is not there: the public MCP conformance suite finds check by check
 * the same through it as without it, in both protocol generations. Real processes, real decisions.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type RunningProcess, startProcess, startService } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { ALLOW_ALL_MCP, type PolicyText, policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';
import {
  compare,
  type Difference,
  OLDER_REVISIONS,
  REVISIONS,
  type Revision,
  runSuite,
  type SuiteResult,
} from './suite.js';
import { startTamperingProxy, type Tampering } from './tampering-proxy.js';

const RUN_MS = 60_000;
const ROOT = repositoryRoot();

/** How many scenarios and checks there are to compare at least; fewer would be a comparison of less than we think. */
const EXTENT: Readonly<Record<Revision, { readonly scenarios: number; readonly checks: number }>> = {
  '2025-03-26': { scenarios: 1, checks: 3 },
  '2025-06-18': { scenarios: 27, checks: 56 },
  '2025-11-25': { scenarios: 33, checks: 91 },
  '2026-07-28': { scenarios: 50, checks: 198 },
};

const STRICTER = 'the sidecar refuses a malformed request by itself, with the code that 2026-07-28 prescribes';
const REMOVED = 'the sidecar knows that 2026-07-28 has no such method, and says so with its code';
const NAMES_ID = "the sidecar's error names the request that it answers; the check is only written when one does not";

/**
 * What is better through the sidecar than without it, for servers that leave something to be wished for. Everything
 * else must be the same, and every row must be true.
 */
const IMPROVED: Readonly<Record<(typeof REVISIONS)[number], Readonly<Record<string, string>>>> = {
  '2025-11-25': {
    'dns-rebinding-protection localhost-host-rebinding-rejected':
      'the sidecar checks Host and Origin, whether the server does or not',
  },
  '2026-07-28': {
    'server-stateless sep-2575-request-meta-invalid-missing-meta': STRICTER,
    'server-stateless sep-2575-request-meta-invalid-missing-protocol-version': STRICTER,
    'server-stateless sep-2575-http-server-header-mismatch-400': STRICTER,
    'tasks-request-headers tasks-headers-reject-mismatched-method': STRICTER,
    'server-stateless sep-2575-http-server-error-jsonrpc-id #3': NAMES_ID,
    'server-stateless sep-2575-http-server-error-jsonrpc-id #4': NAMES_ID,
    'server-stateless sep-2575-http-server-error-jsonrpc-id #5': NAMES_ID,
    'server-stateless sep-2575-http-server-method-not-found-404': REMOVED,
    'server-stateless sep-2575-http-server-method-not-found-404-initialize': REMOVED,
    'server-stateless sep-2575-http-server-method-not-found-404-ping': REMOVED,
    'server-stateless sep-2575-http-server-method-not-found-404-logging-setlevel': REMOVED,
    'server-stateless sep-2575-http-server-method-not-found-404-resources-subscribe': REMOVED,
    'server-stateless sep-2575-http-server-method-not-found-404-resources-unsubscribe': REMOVED,
    'tasks-dispatch-and-envelope sep-2663-tasks-result-removed-method-not-found': REMOVED,
    'tasks-dispatch-and-envelope tasks-removed-tasks-list': REMOVED,
  },
};

/** A failure that is gone: passed, or no longer written down at all. */
const isBetter = ({ direct, through }: Difference): boolean =>
  direct === 'FAILURE' && (through === 'SUCCESS' || through === 'absent');

/** Behind this name of the reference server nothing that a server asks of its client passes. */
const NO_QUESTIONS: PolicyText = {
  name: 'Servers may not ask',
  when: {
    operator: 'and',
    conditions: [
      { field: 'tool.server', operator: 'equals', value: 'guarded' },
      {
        field: 'tool.operation',
        operator: 'in',
        value: ['elicitation/create', 'sampling/createMessage', 'roots/list'],
      },
    ],
  },
  effect: { type: 'deny', deny_reason_code: 'NO_QUESTIONS', deny_user_message: 'servers may not ask here' },
  priority: 80,
};

let stack: Stack;
let sidecar: SidecarProcess;
let reference: RunningProcess;
let everything: RunningProcess;
const urls = { reference: '', everything: '' };
const direct = new Map<Revision, SuiteResult>();

beforeAll(async () => {
  const started = await startService(join(ROOT, 'test', 'dist', 'conformance', 'reference-server.js'), []);
  reference = started.process;
  urls.reference = `http://${started.announcement.addresses['mcp'] ?? ''}/mcp`;
  const port = await freePort();
  const entry = join(ROOT, 'node_modules', '@modelcontextprotocol', 'server-everything', 'dist', 'index.js');
  everything = startProcess(process.execPath, [entry, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
  });
  urls.everything = `http://127.0.0.1:${port}/mcp`;
  await eventually('server-everything to listen', async () => (await fetch(urls.everything)).status > 0, 20_000);
  stack = await startStack({ pdp: { limits: { decisionDeadlineMs: 5000 } } });
  const { seq } = await stack.publish(policySource('1.0.0', [ALLOW_ALL_MCP, NO_QUESTIONS]));
  await stack.loaded(seq);
  sidecar = await stack.startSidecar({
    upstreams: Object.entries({ ...urls, guarded: urls.reference }).map(([name, url]) => ({ name, url })),
    // Here as in the PDP: what is compared is what passes, not how fast, and a slow machine must not look like a denial.
    pdp: { deadlineMs: 5000, breaker: { resetTimeoutMs: 6000 } },
  });
}, 60_000);

afterAll(async () => {
  await stack.close();
  await Promise.all([reference.stop('SIGKILL'), everything.stop('SIGKILL')]);
}, 30_000);

describe('a conforming server', () => {
  test.each([...OLDER_REVISIONS, ...REVISIONS])(
    '%s: every check is the same',
    async (revision) => {
      const decidedBefore = stack.decisions().length;
      const [without, through] = await Promise.all([
        runSuite(urls.reference, revision),
        runSuite(sidecar.mcpUrl('reference'), revision),
      ]);
      direct.set(revision, without);
      // A reference that fails a check would let the sidecar break that check unseen.
      expect(without.checks.filter(({ status }) => status === 'FAILURE' || status === 'CRASHED')).toEqual([]);
      expect(without.scenarios).toBe(EXTENT[revision].scenarios);
      expect(without.checks.length).toBeGreaterThanOrEqual(EXTENT[revision].checks);
      expect(compare(without, through)).toEqual([]);
      expect(through.checks.map(({ name }) => name)).toEqual(without.checks.map(({ name }) => name));
      // Not because nothing was asked: every scenario alone takes several decisions.
      const decided = stack.decisions().slice(decidedBefore);
      expect(decided.length).toBeGreaterThan(through.scenarios);
      expect(decided.filter(({ effect }) => effect !== 'allow')).toEqual([]);
    },
    RUN_MS,
  );
});

describe('a server as it is in the wild', () => {
  test.each(REVISIONS)(
    '%s: the same, or better where the table says why',
    async (revision) => {
      const [without, through] = await Promise.all([
        runSuite(urls.everything, revision),
        runSuite(sidecar.mcpUrl('everything'), revision),
      ]);
      const differences = compare(without, through);
      expect(differences.filter((difference) => !isBetter(difference))).toEqual([]);
      expect(differences.map(({ check }) => check).sort()).toEqual(Object.keys(IMPROVED[revision]).sort());
    },
    RUN_MS,
  );
});

/** Every way that a server has to ask: on the stream of a call, in its result, and in what it says of a task. */
test.each<[Revision, string, RegExp]>([
  ['2025-11-25', 'tools-call-elicitation', /^tools-call-elicitation tools-call-elicitation$/],
  ['2025-11-25', 'tools-call-sampling', /^tools-call-sampling tools-call-sampling$/],
  ['2026-07-28', 'input-required-result-basic-elicitation', /elicitation-incomplete/],
  ['2026-07-28', 'input-required-result-basic-sampling', /sampling-incomplete/],
  ['2026-07-28', 'input-required-result-basic-list-roots', /list-roots-incomplete/],
  ['2026-07-28', 'input-required-result-non-tool-request', /non-tool-incomplete/],
  ['2026-07-28', 'tasks-mrtr-input', /tasks-get-status-input-required/],
])(
  '%s %s fails where policy denies what the server asks',
  async (revision, scenario, check) => {
    const { checks } = await runSuite(sidecar.mcpUrl('guarded'), revision, scenario);
    expect(checks.filter(({ name }) => check.test(name))).toMatchObject([
      { status: 'FAILURE', because: expect.stringMatching(/servers may not ask here|Server did not request/) },
    ]);
  },
  RUN_MS,
);

describe('the comparison can fail', () => {
  const honest: Tampering = { name: 'changes nothing' };
  const without = (name: RegExp, headers: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(headers).filter(([header]) => !name.test(header))) as Record<string, string>;
  const cases: readonly (readonly [Revision, string, Tampering])[] = [
    [
      '2025-11-25',
      'tools-call-with-progress',
      { name: 'loses progress', answer: [/notifications\/progress/g, 'notifications/x'] },
    ],
    [
      '2025-11-25',
      'server-session-lifecycle',
      { name: 'loses the session', answerHeaders: (all) => without(/^mcp-session-id$/, all) },
    ],
    [
      '2025-11-25',
      'tools-call-elicitation',
      { name: 'loses questions', answer: [/elicitation\/create/g, 'elicitation/x'] },
    ],
    [
      '2025-11-25',
      'dns-rebinding-protection',
      { name: 'hides the caller', questionHeaders: (all) => without(/^(host|origin)$/, all) },
    ],
    ['2026-07-28', 'caching', { name: 'loses caching hints', answer: [/"ttlMs"/g, '"x"'] }],
    ['2026-07-28', 'http-header-validation', { name: 'answers 200', status: () => 200 }],
    [
      '2026-07-28',
      'http-custom-header-server-validation',
      { name: 'loses mirrored arguments', questionHeaders: (all) => without(/^mcp-param-/, all) },
    ],
    [
      '2026-07-28',
      'input-required-result-request-state',
      { name: 'loses sealed state', question: [/"requestState":"[^"]*"/g, '"x":1'] },
    ],
  ];

  const differencesOf = async (revision: Revision, scenario: string, tampering: Tampering) => {
    const known = direct.get(revision);
    if (known === undefined) throw new Error('the comparison with the reference did not run');
    const proxy = await startTamperingProxy(urls.reference, tampering);
    try {
      const checks = known.checks.filter(({ name }) => name.startsWith(`${scenario} `));
      expect(checks).not.toEqual([]);
      return compare({ ...known, checks }, await runSuite(proxy.url, revision, scenario));
    } finally {
      await proxy.close();
    }
  };

  test.each(cases)(
    '%s %s: a proxy that tampers is found out, an honest one is not',
    async (revision, scenario, tampering) => {
      const [none, found] = await Promise.all([
        differencesOf(revision, scenario, honest),
        differencesOf(revision, scenario, tampering),
      ]);
      expect(none).toEqual([]);
      expect(found.length).toBeGreaterThan(0);
      expect(found.every(isBetter)).toBe(false);
    },
    RUN_MS,
  );
});
