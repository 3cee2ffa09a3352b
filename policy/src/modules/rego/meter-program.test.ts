import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadPolicy } from '@open-policy-agent/opa-wasm';
import * as fc from 'fast-check';
import { forever, hostileProgram } from '../fixtures/hostile-programs.js';
import { meterProgram } from './meter-program.js';
import { importOpa, type OpaLibrary } from './opa-library.js';
import { REGO_BUILTINS } from './rego-builtins.js';
import { createSandbox, type Sandbox } from './rego-sandbox.js';
import { ProgramError } from './wasm-binary.js';
import { webAssembly } from './web-assembly.js';

const DATA = { trusted: ['trusted-agent'], secret_prefixes: ['/etc/', '/root/'] };
const program = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/${name}/policy.wasm`, import.meta.url));

let library: OpaLibrary;
beforeAll(async () => {
  library = await importOpa();
});

async function sandboxOf(bytes: Uint8Array): Promise<Sandbox> {
  const metered = meterProgram(bytes);
  const compiled = await webAssembly().compile(metered.bytes);
  return createSandbox({
    library,
    program: compiled,
    memoryPages: metered.memoryPages,
    data: DATA,
    builtins: REGO_BUILTINS,
  });
}

test('a metered program says what the program itself says', async () => {
  const plain = await loadPolicy(program('rego-decision'), 5, { sprintf: REGO_BUILTINS['sprintf'] as () => unknown });
  plain.setData(DATA);
  const metered = await sandboxOf(program('rego-decision'));
  const text = fc.constantFrom('/etc/passwd', '/srv/x', 'a@example.com', 'b@evil.test', 'trusted-agent', 'bot', '');
  const requests = fc.record(
    {
      kind: fc.constantFrom('tool_call', 'egress'),
      agent: fc.record({ id: text, type: text }, { requiredKeys: ['id'] }),
      tool: fc.record({
        arguments: fc.record(
          {
            path: fc.oneof(text, fc.integer()),
            to: fc.array(text, { maxLength: 3 }),
            amount: fc.double({ noNaN: true, noDefaultInfinity: true }),
          },
          { requiredKeys: [] },
        ),
      }),
    },
    { requiredKeys: ['kind'] },
  );
  fc.assert(
    fc.property(requests, (request) => {
      const input = new TextEncoder().encode(JSON.stringify(request));
      expect(metered.evaluate(input, 'portcullis/decision')).toEqual(plain.evaluate(request, 'portcullis/decision'));
    }),
    { numRuns: 300 },
  );
});

describe('a program with any byte changed', () => {
  const original = program('rego-boolean');

  test('is refused, fails, or gives some result, and never goes on for ever', async () => {
    const change = fc.record({ at: fc.nat(original.length - 1), value: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = new Uint8Array(original);
        for (const { at, value } of changes) bytes[at] = value;
        try {
          const sandbox = await sandboxOf(bytes);
          sandbox.evaluate(new TextEncoder().encode('{"context": {"environment": "dev"}}'), 'office/open');
        } catch (error) {
          // The library throws texts as well.
          expect(typeof error === 'string' || error instanceof Error).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

test('every prefix of a program is refused in words', () => {
  const whole = hostileProgram({ evaluate: forever() });
  for (let length = 8; length < whole.length; length += 1) {
    let outcome: unknown = 'accepted';
    try {
      meterProgram(whole.subarray(0, length));
    } catch (error) {
      outcome = error;
    }
    // Between two sections there is a shorter program; WebAssembly itself then says what is missing.
    if (outcome !== 'accepted') expect(outcome).toBeInstanceOf(ProgramError);
  }
  expect(() => meterProgram(whole)).not.toThrow();
});
