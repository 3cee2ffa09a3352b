import { join } from 'node:path';
import type { KeyRole, Trust, TrustProfile } from '@portcullis/policy/trust';

/** Where the keys of a role belong once everybody has theirs. */
export type Custody = 'offline' | 'with its holder' | 'on the distributor' | 'on the guard';

const CUSTODY_OF = {
  root: 'offline',
  targets: 'with its holder',
  releases: 'with its holder',
  aborts: 'on the guard',
  kills: 'with its holder',
  snapshot: 'on the distributor',
  timestamp: 'on the distributor',
} as const satisfies Record<KeyRole, Custody>;

const PURPOSE_OF = {
  root: 'says whose keys count; needed a few times a year',
  targets: 'says which bundles exist',
  releases: 'says which bundle each channel runs',
  aborts: 'can only stop a rollout, never ship policy',
  kills: 'stops agents, tenants and tools, at once and everywhere',
  snapshot: 'says which versions belong together',
  timestamp: 'says every few seconds that this is still so',
} as const satisfies Record<KeyRole, string>;

/** One key and what has to become of it. */
export interface CustodyRow {
  readonly holder: string;
  readonly role: KeyRole;
  readonly key_id: string;
  /** Under the trust directory. */
  readonly file: string;
  readonly custody: Custody;
  readonly purpose: string;
}

/** The path of a key's file under the trust directory: one folder for `dev`, one per holder for `team`. */
export function keyFile(profile: TrustProfile, holder: string, role: KeyRole): string {
  return profile === 'dev' ? join('keys', `${role}.pem`) : join('holders', holder, `${role}.pem`);
}

/** Who must take what, and where to, in the order of the keys. */
export function custodyOf(profile: TrustProfile, trust: Trust): readonly CustodyRow[] {
  return trust.keys.map(({ holder, role, keyId }) => ({
    holder,
    role,
    key_id: keyId,
    file: keyFile(profile, holder, role),
    custody: CUSTODY_OF[role],
    purpose: PURPOSE_OF[role],
  }));
}

/** The page to print and to follow: one block per holder, then what goes offline and what to delete here. */
export function custodyPage(rows: readonly CustodyRow[]): string {
  const lines = ['# Who takes which key', ''];
  for (const [holder, keys] of Map.groupBy(rows, (row) => row.holder)) {
    lines.push(`## ${holder}`, '');
    for (const row of keys)
      lines.push(`- ${row.file} (${row.key_id.slice(0, 12)}): ${row.purpose}. Keep it ${row.custody}.`);
    lines.push('');
  }
  const offline = rows.filter((row) => row.custody === 'offline').map((row) => row.file);
  lines.push(
    '## Then',
    '',
    `1. Move ${offline.join(', ')} to media that is not connected to anything. Nothing that runs needs them.`,
    '2. Give every other holder their own folder, and only that one.',
    '3. Hand root.json to every PDP by a way that the distributor does not control, such as a Kubernetes Secret.',
    '4. Give the distributor its own folder (its keysDir), and the metadata folder (its trustDir) for its first start.',
    '5. Delete the holders folder here, once every holder has confirmed that they can read theirs.',
    '',
  );
  return lines.join('\n');
}
