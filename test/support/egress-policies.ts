/** The built-in pack for connections, as a user gets it, with values for origins on loopback. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtInPacksFolder } from '@portcullis/policy';
import type { PolicySource } from './policy-source.js';

function packFiles(name: string): readonly (readonly [string, Uint8Array])[] {
  const folder = fileURLToPath(new URL(`${name}/`, builtInPacksFolder()));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [`packs/${name}/${path.slice(folder.length)}`, readFileSync(path)] as const);
}

/** The pack with these parameters, and typed policies and others of the workspace's own behind it. */
export function egressPolicies(
  version: string,
  parameters: Readonly<Record<string, unknown>>,
  own: readonly unknown[],
): PolicySource {
  const bundle = {
    format: 'portcullis.policy/1',
    name: 'egress',
    version,
    default: 'deny',
    sets: [
      { name: 'baseline', layer: 'platform', pack: 'packs/egress-baseline', parameters },
      { name: 'own', layer: 'workspace', combining: 'priority', priority_order: 'desc', policies: 'own' },
    ],
  };
  return new Map<string, Uint8Array>([
    ['bundle.yaml', Buffer.from(JSON.stringify(bundle))],
    ['own/policies.json', Buffer.from(JSON.stringify(own))],
    ...packFiles('egress-baseline'),
  ]);
}
