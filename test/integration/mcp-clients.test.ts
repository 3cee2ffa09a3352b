/**
 * The official MCP clients of both generations, unmodified, through a whole Portcullis in real processes: what is allowed
 * is as if nothing were in between, what is denied never arrives, in both directions and over both transports.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { CLIENT_2_LEGACY, CLIENT_2_MODERN, type Connected, SDK_1 } from './mcp-clients/clients.js';
import { type ClientRig, type Pairing, startClientRig } from './mcp-clients/rig.js';
import { QUESTIONS } from './mcp-clients/toolbox.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
const TEST_MS = 60_000;
/** JSON-RPC code of a denial by policy. */
const DENIED = -31403;

let rig: ClientRig;
beforeAll(async () => {
  rig = await startClientRig();
}, TEST_MS);
afterAll(async () => {
  await rig.close();
}, TEST_MS);

const PAIRINGS: readonly Pairing[] = (['http', 'stdio'] as const).flatMap((transport) => [
  { kind: SDK_1, server: 'legacy' as const, transport },
  { kind: CLIENT_2_LEGACY, server: 'legacy' as const, transport },
  { kind: CLIENT_2_MODERN, server: 'modern' as const, transport },
]);

const textOf = (result: unknown): string =>
  (result as { readonly content: readonly { readonly text: string }[] }).content[0]?.text ?? '';

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  );

describe.each(PAIRINGS)('$kind.name over $transport', (pairing) => {
  const { kind, transport } = pairing;
  let direct: Connected;
  let open: Connected;
  let guarded: Connected;

  beforeAll(async () => {
    direct = await kind.connect(await rig.routeTo(pairing, 'direct'));
    open = await kind.connect(await rig.routeTo(pairing, 'open'));
    guarded = await kind.connect(await rig.routeTo(pairing, 'guarded'));
  }, TEST_MS);
  afterAll(async () => {
    await Promise.all([direct.close(), open.close(), guarded.close()]);
  }, TEST_MS);

  test(
    'agrees with the server on the revision, and sees its tools',
    async () => {
      // Over stdio the 1.x client does not say what it has agreed on.
      const expected = kind === SDK_1 && transport === 'stdio' ? undefined : kind.protocolVersion;
      expect(open.protocolVersion).toBe(expected);
      expect(open.protocolVersion).toBe(direct.protocolVersion);
      const tools = await open.tools();
      const own = JSON.parse(await direct.tools()) as { name: string }[];
      // What may not be called is not shown; everything else is as the server says it.
      expect(tools).toBe(JSON.stringify(own.filter(({ name }) => name !== 'forbidden')));
      expect(own.map(({ name }) => name)).toContain('forbidden');
      expect(tools).toContain('"gnarly"');
    },
    TEST_MS,
  );

  test.each([
    ['echo', { label: 'zażółć ☃ 𝄞 "\\' }],
    ['gnarly', {}],
    ['big', { size: 4 * 1024 * 1024 }],
  ])(
    'gets the result of %s byte for byte',
    async (tool, args) => {
      const through = JSON.stringify(await open.call(tool, args));
      // Compared as one flag: a difference in megabytes is nothing to print.
      expect(through === JSON.stringify(await direct.call(tool, args))).toBe(true);
      expect(through.length).toBeGreaterThan('size' in args ? args.size : 10);
    },
    TEST_MS,
  );

  test(
    'gets a denial as an error that says why and who, and nothing is done',
    async () => {
      const label = `${kind.name} ${transport}`;
      const error = await rejection(open.call('forbidden', { label }));
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({
        code: DENIED,
        message: expect.stringContaining('this tool is forbidden'),
        data: {
          code: 'POLICY_DENIED',
          reason_code: 'NO_WAY',
          message: 'this tool is forbidden',
          decision_id: expect.any(String),
        },
      });
      const { data } = error as { readonly data: { readonly decision_id: string } };
      // The client's user can take the id to whoever keeps the log.
      const decision = await eventually('the decision in the log', () =>
        rig.decisions().find(({ decision_id }) => decision_id === data.decision_id),
      );
      expect(decision.effect).toBe('deny');
      expect(textOf(await open.call('journal'))).not.toContain(`forbidden ${label}`);
      expect(await open.call('echo', { label: 'still here' })).toMatchObject({ content: [{ text: 'still here' }] });
    },
    TEST_MS,
  );

  test.each(QUESTIONS)(
    '%s of the server: heard where it may ask, unheard where it may not',
    async (question) => {
      const tool = `ask-${question}`;
      const answered = textOf(await open.call(tool));
      expect(answered).toBe(textOf(await direct.call(tool)));
      expect(answered).toMatch(/^answer \{/);
      expect(open.asked.at(-1)).toBe(question);

      const outcome = await guarded.call(tool).then(
        (result) => ({ told: textOf(result) }),
        (error: unknown) => ({ error }),
      );
      // With sessions it is the server that is refused; without, the answer that carries the question is.
      if (kind.protocolVersion === '2025-11-25') {
        expect(outcome).toEqual({ told: expect.stringContaining(`refused ${DENIED}`) });
        expect(outcome).toEqual({ told: expect.stringContaining('servers may not ask here') });
      } else {
        expect(outcome).toMatchObject({ error: { code: DENIED, data: { reason_code: 'NO_QUESTIONS' } } });
      }
      expect(guarded.asked).toEqual([]);
    },
    TEST_MS,
  );

  test(
    'hears of progress',
    async () => {
      const heard: number[] = [];
      const cancel = new AbortController();
      const options = { onProgress: (done: number) => heard.push(done), signal: cancel.signal };
      const stepping = rejection(open.call('steps', {}, options));
      await eventually('all of it', () => heard.length >= 3);
      expect(heard).toEqual([1, 2, 3]);
      cancel.abort(new Error('enough'));
      await stepping;
    },
    TEST_MS,
  );

  test(
    'can cancel what the server is doing',
    async () => {
      const label = `${kind.name} ${transport}`;
      const journal = async (): Promise<string> => textOf(await open.call('journal'));
      const cancel = new AbortController();
      const hanging = rejection(open.call('hang', { label }, { signal: cancel.signal }));
      await eventually('the call to begin', async () => (await journal()).includes(`hang ${label}`));
      cancel.abort(new Error('enough'));
      expect(await hanging).toBeInstanceOf(Error);
      await eventually('the server to hear of it', async () => (await journal()).includes(`cancelled ${label}`));
    },
    TEST_MS,
  );

  if (transport === 'stdio') {
    test(
      'leaves no process behind',
      async () => {
        const client = await kind.connect(await rig.routeTo(pairing, 'open'));
        const pid = Number(textOf(await client.call('pid')));
        expect(isAlive(pid)).toBe(true);
        await client.close();
        await eventually('the server to end', () => !isAlive(pid));
      },
      TEST_MS,
    );
  }

  if (transport === 'http' && kind.protocolVersion === '2025-11-25') {
    test(
      'resumes a stream that the server has dropped',
      async () => {
        const before = operations('http/stream.open');
        expect(textOf(await open.call('away', { label: 'x' }))).toBe('back x');
        // It came back with Last-Event-ID, which is decided like everything else.
        expect(operations('http/stream.open')).toBeGreaterThan(before);
      },
      TEST_MS,
    );

    test(
      'ends its session, and the server knows',
      async () => {
        const client = await kind.connect(await rig.routeTo(pairing, 'open'));
        await client.call('echo', { label: 'in time' });
        await client.endSession();
        const late = await rejection(client.call('echo', { label: 'late' }));
        expect(late).toBeInstanceOf(Error);
        expect(operations('http/session.delete')).toBeGreaterThan(0);
        await client.close();
      },
      TEST_MS,
    );
  }
});

describe('on the wire', () => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const both = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

  test.each([
    ['2025-11-25', {}, {}],
    ['2026-07-28', { _meta: meta }, { 'mcp-method': 'tools/call', 'mcp-name': 'gnarly' }],
  ])('an answer of %s has the same bytes as without the sidecar', async (version, more, mirrors) => {
    const params = { name: 'gnarly', arguments: {}, ...more };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 'ÿ☃', method: 'tools/call', params });
    const headers = { ...both, 'mcp-protocol-version': version, ...mirrors };
    // Without sessions, so that nothing in the answer is made up for it.
    const answers = (['direct', 'open'] as const).map(async (through) => {
      const answer = await fetch(rig.url('modern', through), { method: 'POST', headers, body });
      const type = answer.headers.get('content-type');
      return { status: answer.status, type, bytes: Buffer.from(await answer.arrayBuffer()).toString('hex') };
    });
    const [direct, through] = await Promise.all(answers);
    expect(direct?.status).toBe(200);
    expect(Buffer.from(direct?.bytes ?? '', 'hex').toString()).toContain('1.7976931348623157e+308');
    expect(through).toEqual(direct);
  });
});

/** Small numbers that look random and are the same in every run. */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe('many clients that all count their requests from zero', () => {
  const clients = LONG ? 50 : 20;
  const calls = LONG ? 100 : 50;
  // Ids meet in one session table where clients have no sessions, and in one process where they share a wrapper's kind.
  const kinds: readonly Pairing[] = [
    { kind: SDK_1, server: 'legacy', transport: 'http' },
    { kind: CLIENT_2_MODERN, server: 'modern', transport: 'http' },
    { kind: CLIENT_2_LEGACY, server: 'modern', transport: 'http' },
    { kind: SDK_1, server: 'modern', transport: 'http' },
    { kind: CLIENT_2_LEGACY, server: 'legacy', transport: 'http' },
  ];
  const stdio: readonly Pairing[] = [
    { kind: SDK_1, server: 'legacy', transport: 'stdio' },
    { kind: CLIENT_2_MODERN, server: 'modern', transport: 'stdio' },
  ];

  test(
    `${clients * calls} calls at once, ${clients} clients: every reply is that of its own call, done once`,
    async () => {
      const random = pseudoRandom(20_261_122);
      const pairings = [
        ...stdio,
        ...Array.from({ length: clients - stdio.length }, (_, index) => kinds[index % kinds.length] ?? PAIRINGS[0]),
      ].filter((pairing) => pairing !== undefined);
      const connected: Connected[] = [];
      try {
        for (const pairing of pairings) connected.push(await pairing.kind.connect(await rig.routeTo(pairing, 'open')));
        const asked = connected.flatMap((client, index) =>
          Array.from({ length: calls }, (_, call) => {
            const canary = `canary ${index}/${call}/${Math.floor(random() * 1e9).toString(36)}`;
            const ms = Math.floor(random() * 200);
            return { canary, reply: client.call('later', { label: canary, ms }).then(textOf) };
          }),
        );
        expect(asked).toHaveLength(clients * calls);
        const replies = await Promise.all(asked.map(({ reply }) => reply));
        expect(replies.filter((reply, index) => reply !== asked[index]?.canary)).toEqual([]);

        // The journals of all servers that were reached: each call was carried out, and none twice.
        const journals = await Promise.all(
          [connected[0], connected[1], connected[2], connected[3]].map(async (client) =>
            textOf(await client?.call('journal')).split('\n'),
          ),
        );
        const done = journals.flat().filter((line) => line.startsWith('later canary '));
        expect(done.sort()).toEqual(asked.map(({ canary }) => `later ${canary}`).sort());
      } finally {
        await Promise.all(connected.map((client) => client.close()));
      }
    },
    LONG ? 300_000 : 120_000,
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function operations(operation: string): number {
  return rig.decisions().filter((decision) => JSON.stringify(decision).includes(`"${operation}"`)).length;
}
