/** What a PDP needs before recorded traffic is replayed against it: the release, the declared tools, its settings. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtInPacksFolder } from '@portcullis/policy';
import type { Suite } from './data.js';
import { declarationsOf } from './declare.js';

/** The packs that are measured, as a user gets them. */
export const REPLAYED_PACKS = ['base', 'mcp-integrity', 'agent-flow'] as const;

/** Allows everything that comes from an MCP proxy: what the packs leave alone. */
const ALLOW_ALL_MCP = {
  name: 'Allow all MCP',
  when: { field: 'source', operator: 'equals', value: 'mcp_proxy' },
  effect: { type: 'allow' },
  priority: 1,
};
/** The longest deadline that a PDP takes: what is decided is measured, and a late denial would count. */
const DEADLINE_MS = 10_000;
/** As many as a PDP takes: nobody answers what a replay leaves held, and a hold too many would be a denial. */
const OPEN_APPROVALS = { maxOpenPerAgent: 10_000, maxOpenPerTenant: 100_000 } as const;

/** The source of the release: the packs over a rule that allows what they leave alone. */
export async function replayedSource(): Promise<ReadonlyMap<string, Uint8Array>> {
  const set = { layer: 'workspace', combining: 'priority', priority_order: 'desc', policies: 'traffic' };
  const bundle = {
    format: 'portcullis.policy/1',
    name: 'efficacy',
    version: '1.0.0',
    default: 'deny',
    sets: [
      ...REPLAYED_PACKS.map((name) => ({ name, layer: 'platform', pack: `packs/${name}` })),
      { name: 'traffic', ...set },
    ],
  };
  const packs = await Promise.all(REPLAYED_PACKS.map(packFiles));
  return new Map<string, Uint8Array>([
    ['bundle.yaml', Buffer.from(JSON.stringify(bundle))],
    ['traffic/policies.json', Buffer.from(JSON.stringify([ALLOW_ALL_MCP]))],
    ...packs.flat(),
  ]);
}

async function packFiles(name: string): Promise<readonly (readonly [string, Uint8Array])[]> {
  const folder = fileURLToPath(new URL(`${name}/`, builtInPacksFolder()));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (path) => [`packs/${name}/${path.slice(folder.length)}`, await readFile(path)] as const),
  );
}

/** What a replay needs of a PDP's configuration, besides what every PDP needs. */
export function replaySettings(parts: {
  readonly tenant: string;
  /** The name in the certificate of whoever replays. */
  readonly gateway: string;
  readonly toolsFile: string;
  readonly sessions: number;
}): object {
  return {
    limits: { decisionDeadlineMs: DEADLINE_MS },
    gateways: { [parts.gateway]: [parts.tenant] },
    approvals: OPEN_APPROVALS,
    sessions: { toolsFile: parts.toolsFile, maxSessions: parts.sessions + 1 },
  };
}

/** Everything, as files of a folder. */
export async function preparedFiles(
  suites: ReadonlyMap<string, Suite>,
  settings: Parameters<typeof replaySettings>[0],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const json = (value: object): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  return new Map<string, Uint8Array>([
    ...[...(await replayedSource())].map(([name, bytes]) => [`bundle/${name}`, bytes] as const),
    ['tools.json', json(declarationsOf(suites))],
    ['pdp.json', json(replaySettings(settings))],
  ]);
}
