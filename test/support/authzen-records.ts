/**
 * The fixture of the certification scenario of the OpenID AuthZEN Authorization API 1.0 (github.com/openid/authzen,
 * certification/authorization-api-1_0-scenario.md, "Required Fixture"): users and records, which are no words of agents.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { policySource } from './policy-source.js';
import { type Stack, startStack } from './stack.js';

/** Entities of the fixture, as requests name them. */
export const RECORDS = {
  alice: { type: 'user', id: 'alice' },
  bob: { type: 'user', id: 'bob' },
  admin: { type: 'user', id: 'bob', properties: { role: 'admin' } },
  first: { type: 'record', id: 'record-1' },
  active: { type: 'record', id: 'record-1', properties: { status: 'active' } },
  second: { type: 'record', id: 'record-2' },
  archived: { type: 'record', id: 'record-2', properties: { status: 'archived' } },
  read: { name: 'read' },
  write: { name: 'write' },
} as const;

const leaf = (field: string, value: unknown, operator = 'equals'): object => ({ field, operator, value });
const isRecord = leaf('tool.attributes.resource_type', 'record');
const isKnown = leaf('tool.name', ['record-1', 'record-2'], 'in');
const allows = (name: string, ...conditions: readonly object[]): Parameters<typeof policySource>[1][number] => ({
  name,
  on: ['resource'],
  when: { operator: 'and', conditions: [isRecord, isKnown, ...conditions] },
  effect: { type: 'allow' },
  priority: 10,
});
const isArchived = leaf('tool.attributes.status', 'archived');
const POLICIES = [
  allows('Both read', leaf('tool.operation', 'read'), leaf('user.id', ['alice', 'bob'], 'in')),
  allows('Alice writes', leaf('tool.operation', 'write'), leaf('user.id', 'alice'), {
    operator: 'or',
    conditions: [
      leaf('tool.attributes.status', false, 'exists'),
      leaf('tool.attributes.status', 'archived', 'not_equals'),
    ],
  }),
  allows('Admins write what is archived', leaf('tool.operation', 'write'), leaf('user.role', 'admin'), isArchived),
  allows('Alice deletes softly', leaf('tool.operation', 'delete'), leaf('user.id', 'alice'), {
    field: 'tool.arguments.soft',
    operator: 'equals',
    value: true,
  }),
];
const { alice, admin, active, archived } = RECORDS;
const LISTS = { entities: [alice, admin, active, archived], actions: { record: ['read', 'write', 'delete'] } };

/** What a PDP answered. */
export interface RecordsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: {
    readonly decision?: unknown;
    readonly evaluations?: readonly { readonly decision: unknown }[];
    readonly results?: readonly { readonly type?: string; readonly id?: string; readonly name?: string }[];
    readonly page?: { readonly next_token: string };
    readonly context?: Readonly<Record<string, unknown>>;
  };
}

/** A PDP with the fixture, and the application that asks it. */
export interface Records {
  /** Where it is. */
  readonly base: string;
  /** As the application. */
  readonly dispatcher: Agent;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<RecordsAnswer>;
  close(): Promise<void>;
}

/** Starts it. */
export async function startRecords(): Promise<Records> {
  const stack: Stack = await startStack({
    pdps: 1,
    logLevel: 'warn',
    pdp: {
      gateways: { edge: ['acme'] },
      users: { assertedBy: ['edge'] },
      limits: { decisionDeadlineMs: 5_000 },
      http: { vocabulary: { resourceTypes: ['record'], agent: 'records-app' }, search: LISTS },
    },
  });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  const base = `https://${stack.pdps[0]?.addresses['https'] ?? ''}`;
  const files = await stack.issue({ kind: 'gateway', name: 'edge' });
  const [ca, cert, key] = [files.caFile, files.certFile, files.keyFile].map((file) => readFileSync(file, 'utf8'));
  const dispatcher = new Agent({ connect: { ca, cert, key, checkServerIdentity: () => undefined } as never });
  return {
    base,
    dispatcher,
    post: async (path, body, headers = {}) => {
      const answer = await request(`${base}${path}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
        dispatcher,
      });
      const json = (await answer.body.json()) as RecordsAnswer['json'];
      return { status: answer.statusCode, headers: answer.headers, json };
    },
    close: async () => {
      await dispatcher.destroy();
      await stack.close();
    },
  };
}
