import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { distributorConfig } from '@portcullis/distributor';
import { pdpConfig } from '@portcullis/pdp';
import { buildBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import { sidecarConfig } from '@portcullis/sidecar';
import { parse } from 'yaml';
import { sourceFiles } from '../support/bundle-source.js';
import { repositoryRoot } from '../support/root.js';

const root = repositoryRoot();
const GUIDES = globSync('docs/guides/*.md', { cwd: root }).toSorted();

type Members = Readonly<Record<string, unknown>>;
const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What guides leave out, so that a line stays short. */
const ELIDED: readonly (readonly [RegExp, string])[] = [
  [/url: …/g, 'url: http://127.0.0.1:3000/mcp'],
  [/5f1d…/g, '5f'.repeat(32)],
];

interface Block {
  readonly where: string;
  /** The service whose file it is, where its first line says so. */
  readonly file: string | undefined;
  readonly value: unknown;
}

/** The YAML and JSON of a guide; a block with several files is one for each. What cannot be read is none. */
function blocksOf(guide: string): readonly Block[] {
  const text = readFileSync(join(root, guide), 'utf8');
  const fenced = [...text.matchAll(/^```(?:yaml|json)\n(.*?)^```$/gms)].flatMap(({ index, 1: block = '' }) =>
    block.split(/^(?=# [a-z]+\.yaml$)/m).map((part) => [text.slice(0, index).split('\n').length, part] as const),
  );
  // Files that a guide has its reader write.
  const written = [...text.matchAll(/^cat > (\S+\.yaml) <<'EOF'\n(.*?)\nEOF$/gms)].map(
    ({ index, 1: name = '', 2: part = '' }) => [text.slice(0, index).split('\n').length, `# ${name}\n${part}`] as const,
  );
  // A template of a pack is no policy before it is filled in.
  const plain = [...fenced, ...written].filter(([, part]) => !part.includes('${'));
  return plain.flatMap(([line, part]) => {
    const whole = ELIDED.reduce((rest, [left, right]) => rest.replaceAll(left, right), part);
    try {
      const value: unknown = parse(whole);
      return [{ where: `${guide}:${line}`, file: /^# (\w+)\.yaml$/m.exec(part)?.[1], value }];
    } catch {
      return [];
    }
  });
}

const tls = { certFile: 'c', keyFile: 'k', caFile: 'a' };
const common = { trustDomain: 'example.com', tls };
const SERVICES = [
  {
    name: 'pdp',
    schema: pdpConfig,
    rest: {
      ...common,
      ...{ node: 'pdp-1', env: 'prod', dataDir: 'd' },
      bundles: { rootFile: 'r', sources: [{ type: 'http', url: 'https://distributor' }] },
      http: { vocabulary: { resourceTypes: ['record'], agent: 'records-app' } },
    },
  },
  {
    name: 'sidecar',
    schema: sidecarConfig,
    rest: { ...common, pdp: { endpoints: ['127.0.0.1:7443'] }, egress: { listen: { port: 3128 } } },
  },
  { name: 'distributor', schema: distributorConfig, rest: { ...common, dataDir: 'd', keysDir: 'k' } },
] as const;

/** What a guide says goes over what every installation says. */
function over(below: unknown, above: unknown): unknown {
  if (!isMembers(below) || !isMembers(above)) return above;
  return {
    ...below,
    ...Object.fromEntries(Object.entries(above).map(([key, value]) => [key, over(below[key], value)])),
  };
}

/** The services that a block may be about: the one that it names, or those that know all of its keys. */
function servicesOf({ file, value }: Block): readonly (typeof SERVICES)[number][] {
  const named = SERVICES.filter(({ name }) => name === file);
  if (named.length > 0 || file !== undefined || !isMembers(value)) return named;
  const keys = Object.keys(value);
  return SERVICES.filter(({ schema }) => keys.length > 0 && keys.every((key) => Object.hasOwn(schema.shape, key)));
}

const isPolicy = (value: unknown): boolean =>
  isMembers(value) &&
  typeof value['name'] === 'string' &&
  ('effect' in value || ('type' in value && 'config' in value));

const SETTINGS = GUIDES.flatMap(blocksOf).filter((block) => servicesOf(block).length > 0);
const POLICIES = GUIDES.flatMap(blocksOf).filter(({ value }) =>
  Array.isArray(value) ? value.length > 0 && value.every(isPolicy) : isPolicy(value),
);
const MANIFEST =
  'format: portcullis.policy/1\nname: guide\nversion: 1.0.0\n' +
  'sets: [{ name: s, layer: platform, combining: priority, priority_order: desc, policies: p }]\n';

describe('what guides show', () => {
  test('is found', () => {
    expect(SETTINGS.length).toBeGreaterThan(30);
    expect(POLICIES.length).toBeGreaterThan(8);
  });

  test.each(SETTINGS.map((block) => [block.where, block] as const))(
    '%s: are settings that are accepted',
    (_, block) => {
      const faults = servicesOf(block).map(({ name, schema, rest }) => {
        const { error } = schema.safeParse(over(rest, block.value));
        return (error?.issues ?? []).map(({ path, message }) => `${name} ${path.join('.')}: ${message}`);
      });
      expect(faults.some((found) => found.length === 0) ? [] : faults).toEqual([]);
    },
  );

  test.each(POLICIES.map((block) => [block.where, block] as const))(
    '%s: is a policy that compiles',
    async (_, block) => {
      const texts = { 'bundle.yaml': MANIFEST, 'p/guide.json': JSON.stringify(block.value) };
      const built = await buildBundle(sourceFiles(texts));
      expect(built.ok ? [] : built.problems.map(formatProblem)).toEqual([]);
    },
  );
});
