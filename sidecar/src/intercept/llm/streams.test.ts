import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { chunk, DONE, eventText, messageEvents, responseEvents, responseOf } from '../../testing/provider-wire.js';
import { createSseReader } from '../http/sse.js';
import { type Endpoint, type ProposedCall, StreamFault } from './endpoint.js';
import { ENDPOINTS } from './endpoints.js';

// Thousands of streams.
jest.setTimeout(60_000);

interface Read {
  readonly text: string;
  readonly decided: readonly ProposedCall[];
  readonly fault: string | undefined;
}

/** What an agent gets of these bytes when every call of `evil` is refused. */
async function read(endpoint: Endpoint, chunks: readonly Buffer[]): Promise<Read> {
  const decided: ProposedCall[] = [];
  const sent: Buffer[] = [];
  const reader = endpoint.stream?.({
    wantsUsage: false,
    tools: {
      async decide(call) {
        decided.push(call);
        return call.name === 'evil' ? 'refused' : undefined;
      },
      isActive: false,
      whole: (text) => text,
      ofCall: (text) => text,
      beside: () => undefined,
      say: (_channel, text) => text,
      rest: () => '',
    },
  });
  if (reader === undefined) throw new Error('nothing is streamed here');
  const events = createSseReader({ maxEventBytes: 1 << 20 });
  let fault: string | undefined;
  try {
    for (const bytes of chunks) {
      for (const event of events.push(bytes)) {
        if (!reader.ended) sent.push(...(await reader.push(event)));
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof StreamFault)) throw thrown;
    fault = thrown.message;
  }
  return { text: Buffer.concat(sent).toString('utf8'), decided, fault };
}

const bytesOf = (events: readonly unknown[]): Buffer => Buffer.from(events.map(eventText).join(''));

function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

const { 'chat.completions': CHAT, messages: MESSAGES, responses: RESPONSES } = ENDPOINTS;
const call = (name: string, args: string, index = 0) => ({
  index,
  id: `c${index}`,
  type: 'function',
  function: { name, arguments: args },
});

describe('however the bytes are cut', () => {
  const streams: readonly (readonly [string, Endpoint, readonly unknown[]])[] = [
    [
      'chat completions',
      CHAT,
      [
        chunk({ role: 'assistant', content: '' }),
        chunk({ content: 'zażółć 😀' }),
        chunk({ tool_calls: [call('evil', '{"a"')] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
        chunk({ tool_calls: [call('look', '{}', 1)] }),
        chunk({}, 'tool_calls'),
        DONE,
      ],
    ],
    [
      'messages',
      MESSAGES,
      messageEvents(
        ['zażółć 😀', { name: 'evil', pieces: ['{"a":', '1}'] }, { name: 'look', pieces: ['{}'] }],
        'tool_use',
      ),
    ],
    [
      'responses',
      RESPONSES,
      responseEvents(['zażółć 😀', { name: 'evil', args: '{"a":1}' }, { name: 'look', args: '{}' }]),
    ],
  ];

  test.each(streams)('%s come out the same', async (_name, endpoint, events) => {
    const bytes = bytesOf(events);
    const whole = await read(endpoint, [bytes]);
    expect(whole.fault).toBeUndefined();
    expect(whole.decided.map(({ name }) => name)).toEqual(['evil', 'look']);
    expect(whole.text).toContain('refused');
    expect(whole.text).not.toContain('"evil"');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 12 }), async (cuts) => {
        expect(await read(endpoint, cutAt(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });
});

describe('whatever a provider sends, no refused call reaches the agent', () => {
  const name = fc.constantFrom('evil', 'look', undefined);
  const args = fc.constantFrom('', '{}', '{"a":', '1}', '[', '{"a":1,"a":2}');
  const index = fc.constantFrom(0, 1, 2, -1, 'x');
  const named = (value: string | undefined) => (value === undefined ? {} : { name: value });

  const chatDelta = fc.oneof(
    fc.record({ content: fc.constantFrom('words', '') }),
    fc.tuple(index, name, args, fc.constantFrom('c0', 'c1', undefined)).map(([at, called, text, id]) => ({
      tool_calls: [{ index: at, ...(id === undefined ? {} : { id }), function: { ...named(called), arguments: text } }],
    })),
    fc.tuple(name, args).map(([called, text]) => ({ function_call: { ...named(called), arguments: text } })),
    fc.constant({}),
  );
  const chatEvent = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(chatDelta, fc.constantFrom(null, null, null, 'stop', 'tool_calls'))
        .map(([delta, finish]) => chunk(delta, finish)),
    },
    {
      weight: 1,
      arbitrary: fc.constant({ choices: [{ index: 0, delta: {}, message: { tool_calls: [call('evil', '{}')] } }] }),
    },
    { weight: 1, arbitrary: fc.constantFrom(DONE, 'data: {\n\n', ': hello\n\n') },
  );

  const block = fc.oneof(
    fc.constant({ type: 'text', text: '' }),
    fc
      .tuple(name, fc.constantFrom({}, { a: 1 }))
      .map(([called, input]) => ({ type: 'tool_use', id: 't', ...named(called), input })),
    name.map((called) => ({ type: 'new_tool_use', ...named(called) })),
  );
  const messageEvent = fc.oneof(
    fc.constant({ type: 'message_start', message: { content: [], usage: {} } }),
    fc.tuple(index, block).map(([at, content_block]) => ({ type: 'content_block_start', index: at, content_block })),
    fc.tuple(index, args).map(([at, partial_json]) => ({
      type: 'content_block_delta',
      index: at,
      delta: { type: 'input_json_delta', partial_json },
    })),
    fc.constant({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'words' } }),
    index.map((at) => ({ type: 'content_block_stop', index: at })),
    fc.constant({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 1 } }),
    fc.constantFrom<unknown>({ type: 'message_stop' }, { type: 'later', content_block: { name: 'evil' } }),
  );

  const item = fc.oneof(
    fc.constant({ id: 'm', type: 'message', content: [] }),
    fc
      .tuple(name, args)
      .map(([called, text]) => ({ id: 'f', call_id: 'c', type: 'function_call', ...named(called), arguments: text })),
    name.map((called) => ({ id: 'f', type: 'new_call', ...named(called) })),
  );
  const responseEvent = fc.oneof(
    fc
      .tuple(fc.constantFrom('added', 'done'), index, item)
      .map(([what, output_index, one]) => ({ type: `response.output_item.${what}`, output_index, item: one })),
    fc
      .tuple(index, args)
      .map(([output_index, delta]) => ({ type: 'response.function_call_arguments.delta', output_index, delta })),
    fc.tuple(index, name, args).map(([output_index, called, text]) => ({
      type: 'response.function_call_arguments.done',
      output_index,
      ...named(called),
      arguments: text,
    })),
    fc.constant({
      type: 'response.output_text.delta',
      output_index: 0,
      content_index: 0,
      item_id: 'm',
      delta: 'words',
    }),
    fc
      .tuple(
        fc.constantFrom('created', 'in_progress', 'completed', 'incomplete', 'failed'),
        fc.array(item, { maxLength: 2 }),
      )
      .map(([what, output]) => ({ type: `response.${what}`, response: responseOf(output) })),
  );

  test.each<[string, Endpoint, fc.Arbitrary<unknown>]>([
    ['chat completions', CHAT, chatEvent],
    ['messages', MESSAGES, messageEvent],
    ['responses', RESPONSES, responseEvent],
  ])('%s', async (_name, endpoint, event) => {
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        const { text, decided } = await read(endpoint, [bytesOf(events)]);
        expect(text).not.toContain('"evil"');
        // Whatever call arrived was asked about, with exactly these arguments.
        for (const [, called, given] of text.matchAll(/"name":"(look)","arguments":("(?:[^"\\]|\\.)*")/g)) {
          passed += 1;
          const known = decided.filter((one) => one.name === called).map((one) => one.arguments);
          expect(known).toContain(JSON.parse(given ?? '""'));
        }
      }),
      { numRuns: 1_500 },
    );
    // Otherwise it would show nothing.
    if (endpoint !== MESSAGES) expect(passed).toBeGreaterThan(0);
  });
});

test('of a call whose arguments are no text only the whole passes, which was decided', async () => {
  const item = (command: string) => ({ id: 's', call_id: 'c', type: 'shell_call', action: { commands: [command] } });
  const place = { output_index: 0 };
  const { text, decided, fault } = await read(RESPONSES, [
    bytesOf([
      { type: 'response.output_item.added', ...place, item: item('rm'), sequence_number: 0 },
      { type: 'response.shell_call_command.delta', ...place, delta: 'rm -rf', sequence_number: 1 },
      { type: 'response.output_item.done', ...place, item: item('ls'), sequence_number: 2 },
      { type: 'response.completed', response: responseOf([item('ls')]), sequence_number: 3 },
    ]),
  ]);
  expect(fault).toBeUndefined();
  expect(decided).toEqual([
    { id: 'c', name: 'shell', arguments: { action: { commands: ['ls'] } }, isOfOtherKind: true },
  ]);
  expect(text).not.toContain('rm');
  expect([...text.matchAll(/"sequence_number":(\d)/g)].map(([, number]) => number)).toEqual(['0', '1', '2']);
});

describe('calls that change on their way', () => {
  const started = {
    type: 'response.output_item.added',
    output_index: 0,
    item: { id: 'f', call_id: 'c', type: 'function_call', name: 'look', arguments: '' },
  };
  const ended = (changes: object) => ({
    type: 'response.output_item.done',
    output_index: 0,
    item: { ...started.item, arguments: '{"a":1}', ...changes },
  });
  const delta = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a":2}' };

  const pieces = (...calls: readonly object[]) => [
    ...calls.map((one) => chunk({ tool_calls: [{ index: 0, ...one }] })),
    chunk({}, 'tool_calls'),
    DONE,
  ];

  test.each<[string, Endpoint, readonly unknown[]]>([
    [
      'a completion: another name',
      CHAT,
      pieces({ id: 'a', function: { name: 'look' } }, { function: { name: 'list', arguments: '{}' } }),
    ],
    [
      'a completion: another id',
      CHAT,
      pieces({ id: 'a', function: { name: 'look' } }, { id: 'b', function: { arguments: '{}' } }),
    ],
    ['a response: another name at the end', RESPONSES, [started, ended({ name: 'list' })]],
    ['a response: another id', RESPONSES, [started, ended({ call_id: 'd' })]],
    ['a response: no call any more', RESPONSES, [started, ended({ type: 'message' })]],
    ['a response: other arguments than the deltas', RESPONSES, [started, delta, ended({})]],
    [
      'a response: other arguments than those that were done',
      RESPONSES,
      [
        started,
        { ...delta, type: 'response.function_call_arguments.done', delta: undefined, arguments: '{}' },
        ended({}),
      ],
    ],
    ['a response: arguments of nothing', RESPONSES, [delta]],
    ['a response: not announced', RESPONSES, [ended({})]],
    [
      'a message: arguments at the start and in deltas',
      MESSAGES,
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'look', input: { a: 1 } } },
        { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{}' } },
        { type: 'content_block_stop', index: 0 },
      ],
    ],
  ])('%s', async (_name, endpoint, events) => {
    const { text, fault } = await read(endpoint, [bytesOf(events)]);
    expect(fault).toEqual(expect.any(String));
    expect(text).toBe('');
  });
});
