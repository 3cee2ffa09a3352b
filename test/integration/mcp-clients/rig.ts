/** The stack that the official clients are put through, and the ways into it. */
import { join } from 'node:path';
import type { DecisionRecord } from '../../support/audit-segments.js';
import { startService } from '../../support/child-process.js';
import { ALLOW_ALL_MCP, denyTools, type PolicyText, policySource } from '../../support/policy-source.js';
import { repositoryRoot } from '../../support/root.js';
import { startStack } from '../../support/stack.js';
import type { Kind, Route } from './clients.js';
import { QUESTIONS } from './toolbox.js';

const SERVERS = ['legacy', 'modern'] as const;
/** A server of one SDK generation. */
export type ServerName = (typeof SERVERS)[number];

/** A client, a server, and how they speak. */
export interface Pairing {
  readonly kind: Kind;
  readonly server: ServerName;
  readonly transport: 'http' | 'stdio';
}

/** To the server itself, or to it through the sidecar: where it may ask its client for something, and where not. */
export type Through = 'direct' | 'open' | 'guarded';

/** A running stack with both servers behind it. */
export interface ClientRig {
  routeTo(pairing: Pick<Pairing, 'server' | 'transport'>, through: Through): Promise<Route>;
  /** The MCP endpoint over HTTP. */
  url(server: ServerName, through: Through): string;
  decisions(): readonly DecisionRecord[];
  close(): Promise<void>;
}

/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5000, breaker: { resetTimeoutMs: 6000 } };
/** Room for thousands of calls at once. */
const MANY = 8192;

const NO_QUESTIONS: PolicyText = {
  name: 'Servers may not ask',
  when: {
    operator: 'and',
    conditions: [
      { field: 'tool.server', operator: 'in', value: ['guarded-legacy', 'guarded-modern'] },
      { field: 'tool.operation', operator: 'in', value: [...QUESTIONS] },
    ],
  },
  effect: { type: 'deny', deny_reason_code: 'NO_QUESTIONS', deny_user_message: 'servers may not ask here' },
  priority: 80,
};

const POLICIES = [
  ALLOW_ALL_MCP,
  NO_QUESTIONS,
  ...SERVERS.map((name) => denyTools(name, ['forbidden'], 'NO_WAY', 'this tool is forbidden')),
];

const entryOf = (server: ServerName): string =>
  join(repositoryRoot(), 'test', 'dist', 'integration', 'mcp-clients', `${server}-server.js`);

const nameOf = (server: ServerName, through: Through): string => (through === 'guarded' ? `guarded-${server}` : server);

/** Starts everything. */
export async function startClientRig(): Promise<ClientRig> {
  const legacy = await startService(entryOf('legacy'), []);
  const modern = await startService(entryOf('modern'), []);
  const urlOf = (started: typeof legacy): string => `http://${started.announcement.addresses['mcp'] ?? ''}/mcp`;
  const urls = { legacy: urlOf(legacy), modern: urlOf(modern) };
  const limits = { decisionDeadlineMs: PATIENT.deadlineMs, maxInFlightPerStream: MANY };
  const stack = await startStack({ pdp: { limits } });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  const upstreams = SERVERS.flatMap((server) =>
    (['open', 'guarded'] as const).map((through) => ({ name: nameOf(server, through), url: urls[server] })),
  );
  const sidecar = await stack.startSidecar({
    upstreams,
    // One server stands behind two names, and both servers have the same tools.
    config: { mcp: { upstreams, limits: { maxConnections: MANY }, definitions: { sameNames: 'within_server' } } },
    pdp: { ...PATIENT, maxInFlight: MANY },
  });
  const url = (server: ServerName, through: Through): string =>
    through === 'direct' ? urls[server] : sidecar.mcpUrl(nameOf(server, through));
  return {
    url,
    async routeTo({ server, transport }, through) {
      if (transport === 'http') return { url: url(server, through) };
      const child = [process.execPath, entryOf(server), 'stdio'] as const;
      if (through === 'direct') return { command: child[0], args: child.slice(1) };
      const wrapper = await stack.stdioWrapper(nameOf(server, through), { pdp: PATIENT });
      return { command: wrapper.command, args: [...wrapper.args, ...child] };
    },
    decisions: () => stack.decisions(),
    async close() {
      await stack.close();
      await Promise.all([legacy.process.stop('SIGKILL'), modern.process.stop('SIGKILL')]);
    },
  };
}
