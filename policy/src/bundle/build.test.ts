import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '../engine/compile.js';
import { linkBundle } from '../engine/link.js';
import type { CanonicalRequest } from '../model/request.js';
import { type BuiltBundle, buildBundle } from './build.js';
import { gzip } from './gzip.js';
import { MANIFEST, POLICIES } from './packed-layout.js';
import { writeTar } from './tar.js';
import { unpackBundle } from './unpack.js';

const SOURCE: Readonly<Record<string, string>> = {
  'bundle.yaml': `format: portcullis.policy/1
name: demo
version: 1.2.3-rc.1
sets:
  - {name: base, layer: platform, combining: priority, priority_order: desc, policies: policies/base}
`,
  'policies/base/paths.yaml': `# Two policies in one file.
- name: No system paths
  when:
    operator: and
    conditions:
      - {field: tool.name, operator: equals, value: read}
      - field: tool.arguments.path
        operator: contains
        value: /etc
  effect: deny
  priority: 90
- name: Asleep
  when: always
  effect: allow
  priority: 1
  status: disabled
`,
  'policies/base/rest.json': '{"name": "Rest", "when": "always", "effect": "allow", "priority": 1}',
  'policies/base/README.md': 'For people.',
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const files = (texts: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(texts).map(([name, text]) => [name, bytes(text)]));

async function built(texts: Readonly<Record<string, string>> = SOURCE): Promise<BuiltBundle> {
  const result = await buildBundle(files(texts));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

async function unpacked(bundle: BuiltBundle): Promise<Map<string, Uint8Array>> {
  const result = await unpackBundle(bundle.bytes);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return new Map(result.value);
}

describe('buildBundle', () => {
  test('says what it built', async () => {
    const bundle = await built();
    expect(bundle.policyVersion).toBe('1.2.3-rc.1');
    expect(bundle.policyCount).toBe(2);
    expect(bundle.sha256).toBe(createHash('sha256').update(bundle.bytes).digest('hex'));
  });

  test('gives the same bytes for the same source, whatever the order of the files', async () => {
    const reversed = Object.fromEntries(Object.entries(SOURCE).toReversed());
    expect(Buffer.from((await built(reversed)).bytes)).toEqual(Buffer.from((await built()).bytes));
  });

  test.each([
    { name: 'a priority', from: '"priority": 1', to: '"priority": 2' },
    { name: 'an effect', from: '"effect": "allow"', to: '"effect": "deny"' },
  ])('gives other bytes for another $name', async ({ from, to }) => {
    const changed = {
      ...SOURCE,
      'policies/base/rest.json': SOURCE['policies/base/rest.json']?.replace(from, to) ?? '',
    };
    expect((await built(changed)).sha256).not.toBe((await built()).sha256);
  });

  test('lays the files out as OPA does', async () => {
    const content = await unpacked(await built());
    expect([...content.keys()]).toEqual(['.manifest', 'portcullis/policies/data.json']);
    expect(JSON.parse(new TextDecoder().decode(content.get(MANIFEST)))).toEqual({
      metadata: { portcullis: { format: 'portcullis.policy/1', name: 'demo' } },
      revision: '1.2.3-rc.1',
      roots: ['portcullis'],
    });
  });

  test("keeps the meaning and the places: an error at run time names the author's file and line", async () => {
    const result = compileBundle(await unpacked(await built()));
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result).toEqual(compileBundle(files(SOURCE)));
    const request = {
      version: '1.0',
      tenant_id: 't',
      source: 'sdk',
      agent: { id: 'a' },
      tool: { name: 'read', arguments: { path: 1 } },
    };
    const verdict = linkBundle(result.value).evaluate(request as unknown as CanonicalRequest);
    expect(verdict.errors[0]?.message).toContain('(policies/base/paths.yaml:7)');
  });

  test('returns the problems of the source', async () => {
    const result = await buildBundle(files({ ...SOURCE, 'policies/base/x.yaml': 'name: X' }));
    expect(result.ok ? [] : result.problems.map((problem) => problem.file)).toEqual(
      expect.arrayContaining(['policies/base/x.yaml']),
    );
  });
});

describe('a packed bundle is refused', () => {
  type Change = (content: Map<string, Uint8Array>) => void;
  const edit =
    (name: string, from: string, to: string): Change =>
    (content) => {
      const text = new TextDecoder().decode(content.get(name));
      if (!text.includes(from)) throw new Error(`no ${from} in ${name}`);
      content.set(name, bytes(text.replace(from, to)));
    };
  test.each<{ name: string; change: Change; says: string }>([
    { name: 'without its manifest', change: (content) => content.delete(MANIFEST), says: 'bundle.yaml is missing' },
    { name: 'without its policies', change: (content) => content.delete(POLICIES), says: 'the file is missing' },
    {
      name: 'with an unknown document',
      change: (content) => content.set('portcullis/packs/data.json', bytes('{}')),
      says: 'does not know this file',
    },
    {
      name: 'with a file outside our root',
      change: (content) => content.set('other/data.json', bytes('{}')),
      says: 'does not know this file',
    },
    { name: 'of another format', change: edit(POLICIES, 'policy/1', 'policy/2'), says: 'nvalid input' },
    { name: 'with blanks', change: edit(POLICIES, '{', '{ '), says: 'canonical' },
    {
      name: 'with a duplicate key',
      change: edit(POLICIES, '{"default":"deny"', '{"default":"deny","default":"allow"'),
      says: 'canonical',
    },
    {
      name: 'with keys out of order',
      change: edit(MANIFEST, '"name":"demo"', '"name":"demo","a":1'),
      says: 'canonical',
    },
    { name: 'with an unknown key', change: edit(POLICIES, '{"default"', '{"a":1,"default"'), says: 'nrecognized key' },
    {
      name: 'with bytes that are no text',
      change: (content) => content.set(POLICIES, Uint8Array.of(0xff)),
      says: 'not a bundle document',
    },
    {
      name: 'with another revision in the manifest',
      change: edit(MANIFEST, '1.2.3', '1.2.4'),
      says: 'different bundles',
    },
    {
      name: 'with a policy that does not compile',
      change: edit(POLICIES, '"operator":"contains"', '"operator":"contain"'),
      says: 'unknown operator',
    },
    { name: 'with combining missing', change: edit(POLICIES, '"combining":"priority",', ''), says: 'nvalid' },
    {
      name: 'with an escaped prototype key',
      change: edit(POLICIES, '"file":"policies/base/rest.json"', '"file":"policies/base/rest.json","__proto__":{}'),
      says: '',
    },
  ])('$name', async ({ change, says }) => {
    const content = await unpacked(await built());
    change(content);
    const result = compileBundle(content);
    expect(result.ok).toBe(false);
    expect(result.ok ? '' : result.problems.map((problem) => problem.message).join('; ')).toContain(says);
  });

  test('and the same when it is packed again by hand', async () => {
    const content = await unpacked(await built());
    content.set('portcullis/evil/data.json', bytes('{}'));
    const again = await unpackBundle(await gzip(writeTar(content)));
    expect(again.ok && compileBundle(again.value).ok).toBe(false);
  });
});
