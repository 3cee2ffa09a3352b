/** Calls over every surface of one sidecar, what is allowed and what is not, whole and broken off; every answer is checked. */
import { Agent, request } from 'undici';
import { callOf, FIRST_TOKEN, HOLD, MCP, paddingOf, toolCall } from '../perf/sidecar/calls.js';
import { connect, type Way } from '../perf/sidecar/connect.js';
import type { Surface } from '../perf/sidecar/job.js';

/** Where the surfaces are. */
export interface Surfaces {
  readonly upstream: string;
  readonly mcp: string;
  readonly llm: string;
  readonly egress: string;
  readonly a2a: string;
  readonly authorize: string;
}

/** The clients. */
export interface MixedTraffic {
  /** One call; which one says its number. @throws Error when the answer is another than expected */
  call(number: number): Promise<void>;
  close(): Promise<void>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
/** MCP sessions that are under way. */
const SESSIONS = 20;
/** Kilobytes: small calls mostly. */
const SIZES = [0.5, 0.5, 4, 0.5, 64];

function expectText(what: string, text: string, parts: readonly string[]): void {
  const missing = parts.find((part) => !text.includes(part));
  if (missing !== undefined) throw new Error(`${what}: no ${missing.slice(0, 80)} in ${text.slice(0, 400)}`);
}

/** Opens it. */
export async function openMixedTraffic(at: Surfaces): Promise<MixedTraffic> {
  const agent = new Agent({ connections: 32, pipelining: 1 });
  const plan = { fresh: true, payloadKb: 1, width: 1, origin: at.upstream, warmUpSeconds: 0, seconds: 0, rounds: 0 };
  const open = (surface: Surface, url: string): Promise<Way> =>
    connect({ ...plan, surface, targets: [] }, { subject: 'portcullis', url });
  const ways = new Map<Surface, Way>([
    ['mcp', await open('mcp', at.mcp)],
    ['llm', await open('llm', at.llm)],
    ['stream', await open('stream', at.llm)],
    ['egress', await open('egress', at.egress)],
    ['a2a', await open('a2a', at.a2a)],
  ]);

  async function post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body });
    return `${answer.statusCode} ${await answer.body.text()}`;
  }

  const allowed =
    (surface: Surface, name: (number: number) => string) =>
    async (number: number): Promise<void> => {
      const call = callOf(surface, number, name(number), paddingOf(SIZES[number % SIZES.length] ?? 1));
      const answer = await ways.get(surface)?.call(call);
      expectText(surface, answer?.text ?? '', call.expected);
    };
  const fresh = (number: number): string => `call-${number}`;

  const kinds: readonly ((number: number) => Promise<void>)[] = [
    allowed('mcp', fresh),
    allowed('mcp', () => 'the-same'),
    allowed('llm', fresh),
    allowed('stream', fresh),
    allowed('egress', fresh),
    allowed('a2a', fresh),
    async function inSession(number) {
      const headers = { ...MCP, 'mcp-session-id': `session-${number % SESSIONS}` };
      const text = await post(at.mcp, toolCall(number, fresh(number), ''), headers);
      expectText('a session', text, ['200', `"id":${number}`, `/${fresh(number)}.csv`]);
    },
    async function deniedCall(number) {
      const text = await post(at.mcp, toolCall(number, fresh(number), '').replace('/srv/', '/etc/'), MCP);
      expectText('a denied call', text, ['NO_MATCHING_POLICY']);
    },
    async function notJson() {
      expectText('a broken message', await post(at.mcp, '{"jsonrpc":"2.0","id":', MCP), ['400', '-32700']);
    },
    async function deniedModel() {
      const body = JSON.stringify({ model: 'model-2', messages: [{ role: 'user', content: 'hi' }] });
      expectText('another model', await post(`${at.llm}/v1/chat/completions`, body, JSON_TYPE), ['404']);
    },
    async function brokenOff() {
      const { path, headers, body } = callOf('stream', 1, HOLD, '');
      const ending = new AbortController();
      const options = { dispatcher: agent, method: 'POST', headers, body, signal: ending.signal } as const;
      const answer = await request(`${at.llm}${path}`, options);
      let text = '';
      try {
        for await (const chunk of answer.body) {
          text += String(chunk);
          if (text.includes(FIRST_TOKEN)) ending.abort();
        }
      } catch (error) {
        if (!ending.signal.aborted) throw error;
      }
      expectText('a stream', text, [FIRST_TOKEN]);
    },
    async function asked(number) {
      const tool = { server: 'upstream', name: 'read', arguments: { path: `/srv/${number}` } };
      const text = await post(`${at.authorize}/v1/authorize`, JSON.stringify({ tool }), JSON_TYPE);
      expectText('a question', text, ['200', '"allow"']);
      const { decision_id } = JSON.parse(text.slice(4)) as { readonly decision_id: string };
      const outcome = JSON.stringify({ decision_id, outcome: 'forwarded' });
      expectText('an outcome', await post(`${at.authorize}/v1/outcomes`, outcome, JSON_TYPE), ['200']);
    },
  ];

  return {
    call: async (number) => kinds[number % kinds.length]?.(number),
    async close() {
      await Promise.all([...ways.values()].map((way) => way.close()));
      await agent.destroy();
    },
  };
}
