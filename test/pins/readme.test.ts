import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildBundle, compileBundle, type Engine, linkBundle, unpackBundle } from '@portcullis/policy';
import { type CanonicalRequest, formatProblem } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { sourceFiles } from '../support/bundle-source.js';
import { repositoryRoot } from '../support/root.js';

const root = repositoryRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const SCRIPTS = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
const README = read('README.md');
const GUIDE = read('docs/guides/first-policy.md');

/** Goes the whole way of a release: source, archive, archive read again, engine. */
async function engineOf(texts: Readonly<Record<string, string>>): Promise<Engine> {
  const built = await buildBundle(sourceFiles(texts));
  if (!built.ok) throw new Error(built.problems.map(formatProblem).join('\n'));
  const files = await unpackBundle(built.value.bytes);
  const compiled = files.ok ? compileBundle(files.value) : files;
  if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  return linkBundle(compiled.value);
}

function toolCall(name: string, args: CanonicalRequest['tool']): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'bot' },
    tool: { server: 'files', name, operation: 'tools/call', ...args },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: '00000000-0000-4000-8000-000000000001' },
  };
}

const fenced = (text: string, language: string): readonly string[] =>
  [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, body = '']) => (tag === language ? [body] : []));

describe('README', () => {
  const manifest = [
    'format: portcullis.policy/1',
    'name: readme',
    'version: 1.0.0',
    'default: allow',
    'sets: [{ name: s, layer: platform, combining: priority, priority_order: desc, policies: p }]',
  ].join('\n');

  test('has one policy', () => {
    expect(fenced(README, 'yaml')).toHaveLength(1);
  });

  test.each([
    ['/workspace', 'allow'],
    ['/workspace/reports/q3.txt', 'allow'],
    ['/etc/passwd', 'deny'],
    ['/workspace/../etc/passwd', 'deny'],
    ['/workspaces/a', 'deny'],
    ['/workspace/.ssh/id', 'deny'],
    [undefined, 'deny'],
  ])('its policy compiles, and for the path %s it says %s', async (path, effect) => {
    const [policy = ''] = fenced(README, 'yaml');
    const engine = await engineOf({ 'bundle.yaml': manifest, 'p/readme.yaml': policy });
    const verdict = engine.evaluate(toolCall('read', { arguments: path === undefined ? {} : { path } }));
    expect(verdict.effect).toBe(effect);
    expect(verdict.deny.map(({ reason_code }) => reason_code)).toEqual(
      effect === 'deny' ? ['PATH_OUTSIDE_WORKSPACE'] : [],
    );
  });

  test('every folder and file of its map exists', () => {
    const rows = [...README.matchAll(/^\| `([a-z]+\/)` +\|[^|]*\|([^|]*)\|$/gm)];
    expect(rows.map(([, folder]) => folder)).toEqual([
      'policy/',
      'proto/',
      'pdp/',
      'sidecar/',
      'distributor/',
      'runtime/',
      'client/',
      'cli/',
      'test/',
      'deploy/',
      'docs/',
    ]);
    const named = rows.flatMap(([, folder = '', open = '']) =>
      [...open.matchAll(/`([^`]+)`/g)].map(([, path = '']) => `${folder}${path}`),
    );
    expect(named.length).toBeGreaterThanOrEqual(10);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('npm scripts', () => {
  test.each(['README.md', 'CONTRIBUTING.md', 'docs/guides/first-policy.md'])('that %s names exist', (file) => {
    const named = [...read(file).matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g)].map(
      ([, run, test]) => run ?? test ?? '',
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !Object.hasOwn(SCRIPTS, name))).toEqual([]);
  });

  test('run files that exist', () => {
    const files = Object.values(SCRIPTS).flatMap((script) => script.match(/\S+\.(?:mjs|js)\b/g) ?? []);
    const sources = files.map((file) => file.replace(/^test\/dist\/(.*)\.js$/, 'test/$1.ts'));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

describe('the guide to the first policy', () => {
  /** The files that its commands write, by name. */
  const written = new Map(
    fenced(GUIDE, 'sh')
      .flatMap((script) => [...script.matchAll(/^cat > (\S+) <<'EOF'\n(.*?)\nEOF$/gms)])
      .map(([, name = '', text = '']) => [name, `${text}\n`] as const),
  );
  const policies = (): Record<string, string> =>
    Object.fromEntries(
      [...written]
        .filter(([name]) => name.startsWith('policies/'))
        .map(([name, text]) => [name.slice('policies/'.length), text]),
    );

  test('writes these files', () => {
    expect([...written.keys()]).toEqual([
      'policies/bundle.yaml',
      'policies/base/sessions.yaml',
      'policies/base/files.yaml',
      'request.json',
      'distributor.yaml',
      'pdp.yaml',
      'portcullis.yaml',
      'sidecar.yaml',
      'agent.jsonl',
    ]);
  });

  test('its request is denied as it says', async () => {
    const request = parseCanonicalRequest(JSON.parse(written.get('request.json') ?? ''));
    if (!request.ok) throw new Error(request.problems.map(formatProblem).join('\n'));
    const { effect, deny } = (await engineOf(policies())).evaluate(request.value);
    expect([effect, deny]).toEqual([
      'deny',
      [
        {
          code: 'POLICY_DENIED',
          message: 'Only files below the workspace folder may be used.',
          path: 'platform/only-the-workspace',
          reason_code: 'PATH_OUTSIDE_WORKSPACE',
        },
      ],
    ]);
  });

  test.each([
    ['read_text_file', { path: 'workspace/report.txt' }, 'allow'],
    ['read_text_file', { path: 'workspace/../private/secret.txt' }, 'deny'],
    ['read_text_file', {}, 'deny'],
    ['write_file', { path: 'workspace/new.txt', content: 'x' }, 'deny'],
  ])('%s %j: %s', async (name, args, effect) => {
    expect((await engineOf(policies())).evaluate(toolCall(name, { arguments: args })).effect).toBe(effect);
  });
});
