import { describe, expect, test } from '@jest/globals';
import {
  AT,
  COUNTER,
  type Code,
  constant,
  EVALUATE,
  forever,
  type HostileProgram,
  hostileProgram,
} from '../fixtures/hostile-programs.js';
import { evaluatorOf, problemsOf, regoModule, toolCall } from '../fixtures/module-source.js';

const DROP: Code = [0x1a];
const GROW: Code = [0x40, 0x00];
const store = (address: number, value: number): Code => [...constant(address), ...constant(value), 0x36, 0x02, 0x00];
const load = (address: number): Code => [...constant(address), 0x28, 0x02, 0x00];
/** `if (condition) nothing else allow` */
const unless = (condition: Code): Code => [
  ...condition,
  0x04,
  0x7f,
  ...constant(AT.nothing),
  0x05,
  ...constant(AT.allow),
  0x0b,
];

test('a program that behaves is evaluated', async () => {
  const evaluator = await evaluatorOf(regoModule(hostileProgram()));
  expect(evaluator.evaluate(toolCall()).effect).toBe('allow');
});

describe('a program that', () => {
  test.each<[does: string, evaluate: Code, fault: RegExp]>([
    ['traps', [0x00], /^the program trapped: unreachable/],
    ['divides by zero', [...constant(1), ...constant(0), 0x6d], /^the program trapped: divide by zero/],
    ['reads outside of its memory', load(2 ** 30), /^the program trapped: memory access out of bounds/],
    ['never ends', [...forever(), ...constant(AT.allow)], /^the program took more than 4\d{6} steps/],
    [
      'never ends and asks for memory all the while',
      [...forever(constant(16), GROW, DROP), ...constant(AT.allow)],
      /^the program took more than 4\d{6} steps/,
    ],
    [
      'calls itself without end',
      [...Array.from({ length: 7 }, () => constant(0)).flat(), 0x10, EVALUATE],
      /^(the program took more than|Maximum call stack)/,
    ],
    [
      'gives a result without an end',
      // Fills all of the memory from some address on.
      [
        ...constant(AT.free),
        0x21,
        0x00,
        0x02,
        0x40,
        0x03,
        0x40,
        0x20,
        0x00,
        ...constant(64 * 1024 * 10),
        0x4e,
        0x0d,
        0x01,
        0x20,
        0x00,
        ...constant(0x61),
        0x3a,
        0x00,
        0x00,
        0x20,
        0x00,
        ...constant(1),
        0x6a,
        0x21,
        0x00,
        0x0c,
        0x00,
        0x0b,
        0x0b,
        ...constant(AT.free),
      ],
      /^the result is longer than 65536 bytes/,
    ],
    ['gives a result outside of its memory', constant(2 ** 30), /outside of the memory/],
    ['gives a result before its memory', constant(-8), /outside of the memory/],
    ['gives a result that is no JSON', constant(AT.garbage), /JSON/],
    ['gives up', [...constant(AT.garbage), 0x10, 0x00, ...constant(AT.allow)], /^the program gave up: not json/],
  ])('%s denies, and can be asked again', async (_does, evaluate, fault) => {
    const evaluator = await evaluatorOf(regoModule(hostileProgram({ evaluate })));
    for (let round = 0; round < 2; round += 1) {
      const outcome = evaluator.evaluate(toolCall());
      expect(outcome).toMatchObject({
        effect: 'deny',
        deny: [{ code: 'POLICY_ERROR', path: 'platform/guard' }],
        matched: [],
      });
      expect(outcome.errors[0]?.message).toMatch(fault);
    }
  });

  test.each<[where: string, evaluate: Code]>([
    [
      'in a global',
      [
        ...[0x23, COUNTER],
        ...constant(1),
        0x24,
        COUNTER,
        0x04,
        0x7f,
        ...constant(AT.nothing),
        0x05,
        ...constant(AT.allow),
        0x0b,
      ],
    ],
    ['in its data', [...unless(load(AT.entrypoints - 16)), ...store(AT.entrypoints - 16, 1)]],
    ['in free memory', [...unless(load(AT.free + 4096)), ...store(AT.free + 4096, 1)]],
    ['in the size of its memory', [...unless([0x3f, 0x00, ...constant(10), 0x4a]), ...constant(1), ...GROW, ...DROP]],
  ])('remembers something %s has forgotten it the next time', async (_where, evaluate) => {
    const evaluator = await evaluatorOf(regoModule(hostileProgram({ evaluate })));
    const effects = [1, 2, 3].map(() => evaluator.evaluate(toolCall()).effect);
    expect(effects).toEqual(['allow', 'allow', 'allow']);
  });
});

test('a program that fails leaves nothing of itself to the next evaluation', async () => {
  const evaluate = [
    ...[0x3f, 0x00, ...constant(10), 0x4a],
    ...[0x04, 0x7f, ...constant(AT.allow), 0x05, ...constant(1), ...GROW, ...DROP, 0x00, 0x0b],
  ];
  const evaluator = await evaluatorOf(regoModule(hostileProgram({ evaluate })));
  expect([1, 2, 3].map(() => evaluator.evaluate(toolCall()).effect)).toEqual(['deny', 'deny', 'deny']);
});

describe('a program is refused that', () => {
  test.each<[does: string, changes: HostileProgram, problem: RegExp]>([
    ['imports something else', { imports: ['env.fetch'] }, /imports env\.fetch, which is not one of OPA's imports/],
    [
      'imports from elsewhere',
      { imports: ['wasi_snapshot_preview1.fd_write'] },
      /imports wasi_snapshot_preview1\.fd_write/,
    ],
    ['has a memory of its own', { ownMemory: true }, /imports no memory|a memory of its own/],
    ['asks for too much memory', { memoryPages: 1024 }, /too much memory/],
    ['never ends when it is loaded', { start: forever() }, /cannot be loaded: unreachable/],
    ['speaks an older interface', { abi: [1, 1] }, /version 1\.1 of OPA's interface, expected 1\.2/],
    ['speaks another interface', { abi: [2, 0] }, /version 2\.0 of OPA's interface/],
    [
      'needs a function that is not offered',
      { builtins: '{"http.send":0}' },
      /calls "http\.send", which is not available/,
    ],
    ['names its functions in no JSON', { builtins: 'x' }, /cannot be loaded: .*JSON/],
    ['has an instruction of a later version', { evaluate: [0xfc, 0x0b, 0x00] }, /the instruction 0xfc is not one of/],
  ])('%s', async (_does, changes, problem) => {
    const problems = await problemsOf(regoModule(hostileProgram(changes)));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^ERR_MODULE_PROGRAM modules\/rego\/policy\.wasm:1:1 /);
    expect(problems[0]).toMatch(problem);
  });

  test.each<[name: string, bytes: Uint8Array]>([
    ['is empty', new Uint8Array()],
    ['is something else', new TextEncoder().encode('package portcullis')],
    ['ends in the middle', hostileProgram().subarray(0, 200)],
    ['goes on after its end', Uint8Array.from([...hostileProgram(), 0x0a, 0x01, 0x00])],
  ])('%s', async (_name, bytes) => {
    const problems = await problemsOf(regoModule(bytes));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^ERR_MODULE_PROGRAM .*the program cannot be loaded/);
  });
});
