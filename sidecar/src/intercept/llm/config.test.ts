import { expect, test } from '@jest/globals';
import { llmConfig } from './config.js';

const provider = (changes: object = {}) => ({
  name: 'acme',
  kind: 'openai',
  baseUrl: 'https://api.example.com/v1',
  models: [{ name: 'gpt-4o' }],
  ...changes,
});
const problems = (providers: readonly object[], more: object = {}): readonly string[] =>
  (llmConfig.safeParse({ providers, ...more }).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

test('what is not said has defaults that let nothing through by itself', () => {
  const config = llmConfig.parse({ providers: [provider()] });
  expect(config.listen.host).toBe('127.0.0.1');
  expect(config.tools.refused).toBe('replace');
  expect(config.maxTokens).toBe('lower');
  expect(config.providers[0]).toMatchObject({ anyModel: false, streamUsage: true });
});

test.each<[string, readonly object[], object, RegExp]>([
  ['no provider', [], {}, /providers/],
  ['two of one name', [provider(), provider({ models: [] })], {}, /names must be distinct/],
  ['a model that two would serve', [provider(), provider({ name: 'b' })], {}, /give one of them an alias/],
  [
    'an alias that is a model',
    [provider(), provider({ name: 'b', models: [{ name: 'x', alias: 'gpt-4o' }] })],
    {},
    /alias/,
  ],
  ['a URL with a password', [provider({ baseUrl: 'https://me:pw@api.example.com' })], {}, /must not carry credentials/],
  ['a URL with a query', [provider({ baseUrl: 'https://api.example.com/v1?x=1' })], {}, /must not carry credentials/],
  ['another scheme', [provider({ baseUrl: 'file:///etc/passwd' })], {}, /baseUrl/],
  ['a key in the configuration', [provider({ credential: 'sk-1' })], {}, /credential/],
  ['a header of the protocol', [provider({ headers: { Host: { env: 'X' } } })], {}, /providers.0.headers.Host/],
  ['another API', [provider({ kind: 'gemini' })], {}, /kind/],
  ['an address that others reach', [provider()], { listen: { host: '0.0.0.0' } }, /loopback/],
  ['an unknown setting', [provider({ retries: 3 })], {}, /retries/],
])('%s is refused', (_name, providers, more, expected) => {
  expect(problems(providers, more).join('\n')).toMatch(expected);
});

test('providers of different kinds may serve a model of one name', () => {
  expect(problems([provider(), provider({ name: 'b', kind: 'anthropic' })])).toEqual([]);
});
