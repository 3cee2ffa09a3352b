/** Ours, in process: what a PDP does between the unpacked files of a bundle and a verdict. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createCompiler, createImageReceiver, linkBundle, unpackBundle } from '@portcullis/policy';
import { type CanonicalRequest, formatProblem, type Json } from '@portcullis/policy/model';
import { sourceFiles } from '../../support/bundle-source.js';
import type { Subject } from './subject.js';
import type { Shape, WorkRequest, WorkRule } from './workload.js';

/** The engine. */
export const PORTCULLIS: Subject = {
  async prepare({ rules, shape }) {
    const unpacked = await unpackBundle(await builtAside(rules.length, shape));
    if (!unpacked.ok) throw new Error(unpacked.problems.map(formatProblem).join('\n'));
    const files = unpacked.value;
    return {
      async load() {
        const update = createCompiler().compile(files);
        if (!update.ok) throw new Error(update.problems.map(formatProblem).join('\n'));
        const engine = linkBundle(createImageReceiver().receive(update.value));
        return {
          encode: requestOf,
          decide: (encoded) => engine.evaluate(encoded as CanonicalRequest).effect === 'allow',
        };
      },
    };
  },
};

/** The bytes of a workload's bundle. */
async function builtAside(size: number, shape: Shape): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-bundle-'));
  const file = join(folder, 'bundle.tar.gz');
  const script = fileURLToPath(new URL('./write-bundle.js', import.meta.url));
  await promisify(execFile)(process.execPath, ['--max-old-space-size=6144', script, `${size}`, shape, file]);
  const bytes = await readFile(file);
  await rm(folder, { recursive: true });
  return bytes;
}

/** Policies per file. */
const PER_FILE = 500;

/** The source folder of a workload; decisions may be kept for so many seconds. */
export function bundleSource(
  rules: readonly WorkRule[],
  shape: Shape,
  cacheSeconds = 0,
): ReadonlyMap<string, Uint8Array> {
  const set = { name: 'tools', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'policies' };
  const texts: Record<string, string> = {
    'bundle.yaml': JSON.stringify({
      format: 'portcullis.policy/1',
      name: 'bench',
      version: '1.0.0',
      ...(cacheSeconds === 0 ? {} : { cache: { ttl_seconds: cacheSeconds } }),
      sets: [set],
    }),
  };
  for (let first = 0; first < rules.length; first += PER_FILE) {
    const policies = rules.slice(first, first + PER_FILE).map((rule, index) => policyOf(rule, first + index, shape));
    texts[`policies/${String(first).padStart(6, '0')}.json`] = JSON.stringify(policies);
  }
  return sourceFiles(texts);
}

/** One policy. */
export function policyOf(rule: WorkRule, index: number, shape: Shape): Json {
  const { operation, limit, effect } = rule;
  return {
    name: `Rule ${index}`,
    slug: `r${index}`,
    on: ['tool_call'],
    when: {
      operator: 'and',
      conditions: [
        ...whomAndWhat(rule, shape),
        { field: 'tool.operation', operator: 'equals', value: `op-${operation}` },
        { field: 'request.max_tokens', operator: 'less_than', value: limit },
      ],
    },
    effect,
    priority: 100 - (index % 100),
  };
}

/** Leaves that hold for one agent and one tool. */
function whomAndWhat({ agent, tool }: WorkRule, shape: Shape): readonly Json[] {
  const leaf = (field: string, operator: string, value: Json): Json => ({ field, operator, value });
  switch (shape) {
    case 'plain':
      return [leaf('agent.id', 'equals', `agent-${agent}`), leaf('tool.name', 'equals', `tool-${tool}`)];
    case 'sets':
      return [
        leaf(
          'agent.id',
          'in',
          Array.from({ length: 5 }, (_, n) => (n === 4 ? `agent-${agent}` : `${agent}-${n}`)),
        ),
        leaf(
          'tool.name',
          'in',
          Array.from({ length: 3 }, (_, n) => (n === 2 ? `tool-${tool}` : `${tool}-${n}`)),
        ),
      ];
    case 'prefixes':
      return [leaf('tool.arguments.path', 'starts_with', `/srv/agent-${agent}/tool-${tool}/`)];
    case 'cidrs':
      return [leaf('context.ip', 'cidr_match', `10.${agent}.${tool}.0/24`)];
    case 'domains':
      return [leaf('tool.arguments.host', 'domain_match', `*.tool-${tool}.agent-${agent}.example.com`)];
    case 'regexes':
      return [
        leaf(
          'tool.arguments.path',
          'regex_match',
          `^/srv/agent-${agent}/tool-${tool}/(reports|data)/[a-z0-9-]+\\.(csv|json)$`,
        ),
      ];
  }
}

/** One question; it has what every shape asks about. */
export function requestOf({ agent, tool, operation, tokens }: WorkRequest): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: `agent-${agent}`, type: 'worker', trust_level: 0.8 },
    tool: {
      name: `tool-${tool}`,
      operation: `op-${operation}`,
      server: 'files',
      arguments: {
        path: `/srv/agent-${agent}/tool-${tool}/reports/q3-2026.csv`,
        host: `api.tool-${tool}.agent-${agent}.example.com`,
      },
    },
    user: { id: 'u1', team: 'finance' },
    request: { max_tokens: tokens },
    context: {
      timestamp: '2026-01-15T10:00:00Z',
      request_id: `r-${agent}-${tool}-${operation}`,
      environment: 'prod',
      ip: `10.${agent}.${tool}.9`,
    },
  };
}
