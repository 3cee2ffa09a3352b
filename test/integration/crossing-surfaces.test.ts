/**
 * Many clients at once over every surface of one sidecar and a real PDP, all counting their requests from zero: every answer is the
 * caller's own. `verify:long` makes it 10,000 calls.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { callOf } from '../perf/sidecar/calls.js';
import { connect, type Way } from '../perf/sidecar/connect.js';
import type { Surface } from '../perf/sidecar/job.js';
import { type Listening, type Ours, startOurs, startScript } from '../perf/sidecar/subjects.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
const CLIENTS = 50;
const CALLS_EACH = LONG ? 200 : 20;
/** Calls that one client has under way: of several surfaces at any time. */
const AT_ONCE = 5;
const SURFACES = ['mcp', 'a2a', 'llm', 'egress'] as const satisfies readonly Surface[];

jest.setTimeout(LONG ? 600_000 : 120_000);

let upstream: Listening;
let ours: Ours;

beforeAll(async () => {
  upstream = await startScript('upstream');
  ours = await startOurs(upstream.origin, {
    // It is about whose answers they are, on machines that are busy with other tests.
    pdp: {
      deadlineMs: 10_000,
      hedgeAfterMs: 9_000,
      keepaliveTimeoutMs: 30_000,
      breaker: { volumeThreshold: 100_000, resetTimeoutMs: 11_000 },
    },
  });
});
afterAll(async () => {
  await ours?.stack.close();
  await upstream?.close();
});

/** One client: a connection of its own to each surface. */
async function client(): Promise<ReadonlyMap<Surface, Way>> {
  const { sidecar } = ours;
  const at = (name: string): string => `http://${sidecar.addresses[name] ?? ''}`;
  const urls = { mcp: sidecar.mcpUrl('upstream'), a2a: `${at('a2a')}/a2a/books`, llm: at('llm'), egress: at('egress') };
  const plan = { fresh: true, payloadKb: 0, width: 1, warmUpSeconds: 0, seconds: 0, rounds: 0, targets: [] };
  const ways = SURFACES.map(async (surface): Promise<[Surface, Way]> => {
    const way = await connect({ ...plan, surface, origin: upstream.origin }, { subject: 'ours', url: urls[surface] });
    return [surface, way];
  });
  return new Map(await Promise.all(ways));
}

test(`${CLIENTS * CALLS_EACH} calls of ${CLIENTS} clients over all surfaces with colliding ids: no answer crosses`, async () => {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, client));
  const wrong: string[] = [];
  let right = 0;
  const calls = clients.flatMap((ways, who) =>
    Array.from({ length: AT_ONCE }, async (_, lane) => {
      for (let id = lane; id < CALLS_EACH; id += AT_ONCE) {
        const surface = SURFACES[(who + id) % SURFACES.length] ?? 'mcp';
        const call = callOf(surface, id, `client-${who}-call-${id}-over-${surface}`, '');
        const text = await ways
          .get(surface)
          ?.call(call)
          .then(
            (answer) => answer.text,
            (error: unknown) => String(error),
          );
        if (call.expected.every((part) => text?.includes(part))) right += 1;
        else wrong.push(`client ${who}, call ${id} over ${surface}: ${text?.slice(0, 300)}`);
      }
    }),
  );
  await Promise.all(calls);
  await Promise.all(clients.flatMap((ways) => [...ways.values()].map((way) => way.close())));
  expect(wrong).toEqual([]);
  expect(right).toBe(CLIENTS * CALLS_EACH);
});
