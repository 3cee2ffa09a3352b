/** Everybody who takes part, as a process of its own. */
import { join } from 'node:path';
import { startProcess } from '../../support/child-process.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { keptFor, type PolicySource, type PolicyText, policySource } from '../../support/policy-source.js';
import { repositoryRoot } from '../../support/root.js';
import { type SidecarOptions, type SidecarProcess, type Stack, startStack } from '../../support/stack.js';
import { platformPolicies } from '../platform-policies.js';
import { nodePeer, PORTKEY } from './peers.js';

/** A started process that listens on loopback. */
export interface Listening {
  readonly origin: string;
  readonly pid: number;
  close(): Promise<void>;
}

const START_MS = 30_000;
/** Policies besides those that allow the calls. */
const POLICIES = 1_000;
/** Seconds for which decisions may be kept; the most that a bundle can ask for. */
const KEPT_SECONDS = 30;

/** One of the scripts of this folder, which say where they listen. */
export async function startScript(name: string, args: readonly string[] = []): Promise<Listening> {
  const script = join(repositoryRoot(), 'test', 'dist', 'perf', 'sidecar', `${name}.js`);
  let port: number | undefined;
  const running = startProcess(process.execPath, [script, ...args], {
    onLine: (line) => {
      if (line.startsWith('{"ready":true')) ({ port } = JSON.parse(line) as { readonly port: number });
    },
  });
  await eventually(`${name} to listen`, () => port !== undefined, START_MS);
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: running.pid,
    close: async () => void (await running.stop('SIGTERM', 2_000)),
  };
}

/** Portkey's gateway; nothing when it is not here. */
export async function startPortkey(): Promise<Listening | undefined> {
  const entry = nodePeer(PORTKEY);
  if (entry === undefined) return undefined;
  const port = await freePort();
  const running = startProcess(process.execPath, [entry, `--port=${port}`, '--headless']);
  const origin = `http://127.0.0.1:${port}`;
  await eventually(
    'portkey to listen',
    () =>
      fetch(origin).then(
        () => true,
        () => false,
      ),
    START_MS,
    100,
  );
  return { origin, pid: running.pid, close: async () => void (await running.stop('SIGTERM', 2_000)) };
}

interface Wanted {
  readonly field: string;
  readonly operator: string;
  readonly value: unknown;
}

function allowing(name: string, on: string, field: string, value: unknown, looksAt?: Wanted): PolicyText {
  const conditions: readonly Wanted[] = [
    { field, operator: 'equals', value },
    ...(looksAt === undefined ? [] : [looksAt]),
  ];
  return { name, on: [on], when: { operator: 'and', conditions }, effect: { type: 'allow' }, priority: 100 };
}

/** What is new in a call that is, is looked at by a policy: otherwise what was decided of another would hold for it too. */
const NEW = {
  mcp: { field: 'tool.arguments.path', operator: 'starts_with', value: '/srv/' },
  a2a: { field: 'tool.arguments.message.messageId', operator: 'exists', value: true },
  egress: { field: 'egress.path', operator: 'starts_with', value: '/site/' },
};

/** One rule for each kind of call, among others in the shape a platform has them. */
function policies(port: number): PolicySource {
  const source = policySource('1.0.0', [
    allowing('Calls', 'tool_call', 'tool.server', 'upstream', NEW.mcp),
    allowing('Lists', 'tool_list', 'tool.server', 'upstream'),
    allowing('MCP sessions', 'session', 'source', 'mcp_proxy'),
    allowing('Cards', 'session', 'source', 'a2a_proxy'),
    allowing('Reports', 'a2a', 'peer.agent_id', 'books', NEW.a2a),
    allowing('Model', 'inference', 'request.model', 'model-1'),
    allowing('Site', 'egress', 'egress.port', port, NEW.egress),
    ...platformPolicies(POLICIES),
  ]);
  return keptFor(source, KEPT_SECONDS);
}

/** Ours, with every surface on, a PDP over mutual TLS and every decision on record before it is answered. */
export interface Ours {
  readonly stack: Stack;
  readonly sidecar: SidecarProcess;
}

/** A machine that is busy with something else must not open breakers: the question is how fast, not whether in time. */
const PATIENT = { deadlineMs: 900, hedgeAfterMs: 800 };

/** Starts ours in front of `upstream`. */
export async function startOurs(
  upstream: string,
  { pdp = PATIENT, config, nodeArgs = [] }: Partial<SidecarOptions> = {},
): Promise<Ours> {
  const stack = await startStack({
    pdp: { audit: { mode: 'required' }, limits: { decisionDeadlineMs: 5_000 } },
  });
  try {
    const port = Number(new URL(upstream).port);
    await stack.publish(policies(port), { waitMs: START_MS });
    const sidecar = await stack.startSidecar({
      upstreams: [{ name: 'upstream', url: `${upstream}/mcp` }],
      pdp,
      nodeArgs,
      config: {
        llm: {
          providers: [{ name: 'acme', kind: 'openai', baseUrl: `${upstream}/v1`, models: [{ name: 'model-1' }] }],
        },
        egress: { specialAddresses: [{ cidrs: ['127.0.0.1'], ports: [port] }] },
        a2a: { peers: [{ name: 'books', card: `${upstream}/.well-known/agent-card.json`, skill: 'report' }] },
        authorize: {},
        ...config,
      },
    });
    return { stack, sidecar };
  } catch (error) {
    await stack.close();
    throw error;
  }
}
