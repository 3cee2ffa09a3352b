/** An MCP proxy before which payments are held for people, and the two generations of clients that make them. */

import type { BehalfReader } from '../behalf/behalf.js';
import { createSseReader } from '../intercept/http/sse.js';
import { type FakePeople, fakePeople } from './fake-people.js';
import { type FakePolicyClient, fakePolicyClient } from './fake-policy-client.js';
import { NOBODY } from './nobody.js';
import { type Answered, type Harness, startHarness } from './proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from './recording-upstream.js';

const PAGE = 'https://console.test/approvals/{id}';
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
/** What a client says that can show pages. */
export const URL_CLIENT = { elicitation: { form: {}, url: {} } };

/** A running proxy, its people and its server. */
export interface HeldPayments {
  readonly people: FakePeople;
  readonly client: FakePolicyClient;
  readonly upstream: RecordingUpstream;
  readonly harness: Harness;
  /** How many calls have got to the server. */
  calls(): number;
  /** A payment as a client of 2026-07-28 makes it. */
  pay(params?: object, capabilities?: object, id?: number): Promise<Answered>;
  /** A payment as a client of 2025-11-25 makes it. */
  payLegacy(id?: number, meta?: object): Promise<Answered>;
}

/** Proxies of one test file. */
export interface HeldPaymentsHarness {
  /** @param approvals what differs from waiting for five seconds, with a page */
  start(approvals?: object, definitions?: object, behalf?: BehalfReader): Promise<HeldPayments>;
  close(): Promise<void>;
}

/** Starts proxies, each with people and a server of its own, and closes them all. */
export function createHeldPayments(): HeldPaymentsHarness {
  const running: (Harness | RecordingUpstream)[] = [];
  return {
    async start(approvals = {}, definitions = {}, behalf = NOBODY) {
      const people = fakePeople();
      const client = fakePolicyClient(people.behaviour);
      const upstream = await recordingUpstream();
      const harness = await startHarness({
        client,
        upstreamUrl: upstream.url,
        approvals: { page: PAGE, waitMs: 5_000, ...approvals },
        definitions: { ...definitions },
        behalf,
      });
      running.push(harness, upstream);
      return { people, client, upstream, harness, ...paying(harness, upstream) };
    },
    async close() {
      for (const one of running.splice(0)) await one.close();
    },
  };
}

function paying(harness: Harness, upstream: RecordingUpstream): Pick<HeldPayments, 'calls' | 'pay' | 'payLegacy'> {
  return {
    calls: () => upstream.requests.filter(({ body }) => body.includes('"tools/call"')).length,
    pay(params = {}, capabilities = URL_CLIENT, id = 1) {
      const { _meta: meta, ...rest } = params as { _meta?: object };
      const all = {
        name: 'pay',
        arguments: { to: 'bob' },
        ...rest,
        _meta: { [VERSION]: '2026-07-28', [CAPABILITIES]: capabilities, ...meta },
      };
      const headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'pay'];
      return harness.post({ jsonrpc: '2.0', id, method: 'tools/call', params: all }, headers);
    },
    payLegacy(id = 1, meta) {
      const params = { name: 'pay', arguments: { to: 'bob' }, ...(meta === undefined ? {} : { _meta: meta }) };
      const headers = ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1'];
      return harness.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, headers);
    },
  };
}

/** Looks until it is so. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** All messages of an answer, whichever way it came. */
export function messages({ text, headers }: Answered): readonly Answered['json'][] {
  if (headers['content-type'] !== 'text/event-stream') return [JSON.parse(text) as Answered['json']];
  const events = createSseReader({ maxEventBytes: 65_536 }).push(Buffer.from(text));
  return events.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data.toString()) as Answered['json']]));
}

/** The last one, which is the answer itself. */
export const last = (answered: Answered): Answered['json'] => messages(answered).at(-1) ?? {};

/** What the client is to bring back when it makes the call again. */
export const stateOf = (answered: Answered): string => String(last(answered).result?.['requestState']);
