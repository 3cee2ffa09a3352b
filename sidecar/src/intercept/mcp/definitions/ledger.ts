/** Which definitions of tools stand, and which wait until somebody accepts them (reliability A8). */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@portcullis/runtime';
import { TOOL_NAME } from '../names.js';
import type { DefinitionsConfig } from './config.js';
import { type Definition, instructing, skeleton } from './definition.js';
import type { Accepted, LedgerEntry, LedgerState } from './files.js';

/** Why a definition is quarantined. The first two cannot be accepted. */
export const QUARANTINE_REASONS = [
  'TOOL_NAME_UNACCEPTABLE',
  'TOOL_DEFINITION_TOO_LARGE',
  'TOOL_DEFINITION_CHANGED',
  'TOOL_DEFINITION_UNKNOWN',
  'TOOL_NAME_SHADOWED',
  'TOOL_DEFINITION_INSTRUCTS',
  'TOOLS_TOO_MANY',
] as const;
/** See {@link QUARANTINE_REASONS}. */
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** What a server listed, and whether it stands. */
export interface Observed {
  readonly definition: Definition;
  readonly reason: QuarantineReason | undefined;
}

/** Remembers definitions. */
export interface Ledger {
  /**
   * What a server lists now, in its order. What was never seen is remembered before this resolves.
   * @throws PortcullisError when it cannot be remembered: then nothing of it stands
   */
  observe(server: string, definitions: readonly Definition[]): Promise<readonly Observed[]>;
  /** Whether a definition that was observed stands now; nothing: it does. */
  standing(server: string, definition: Definition): QuarantineReason | undefined;
  /** Reads again what people accepted, if that has changed. Never rejects. */
  refresh(): Promise<void>;
}

/** What a ledger needs. */
export interface LedgerOptions {
  readonly config: Pick<
    DefinitionsConfig,
    'firstUse' | 'sameNames' | 'quarantineFrom' | 'pins' | 'maxTools' | 'maxDefinitionBytes'
  >;
  readonly state: LedgerState;
  readonly accepted: Accepted;
  readonly clock: Pick<Clock, 'now'>;
  /** Told once per definition that is quarantined. */
  readonly onQuarantine: (server: string, name: string, reason: QuarantineReason) => void;
}

/** Scores that are kept, by digest. */
const MAX_SCORES = 16_384;

/** Makes it from what was remembered. */
export function createLedger(options: LedgerOptions): Ledger {
  const { config, state, accepted, clock } = options;
  const entries = new Map<string, LedgerEntry>();
  const owners = new Map<string, string>();
  const counts = new Map<string, number>();
  const scores = new Map<string, number>();
  const latest = new Map<string, Definition>();
  const pinned = digestsByTool(config.pins);
  for (const entry of state.entries) add(entry);
  let isSaved = true;
  let saving: Promise<void> = Promise.resolve();

  function add(entry: LedgerEntry): void {
    const key = keyOf(entry.server, entry.name);
    entries.set(key, entry);
    counts.set(entry.server, (counts.get(entry.server) ?? 0) + 1);
    const looks = looksOf(entry.server, entry.name);
    // Whoever was there first has the name.
    if (!owners.has(looks)) owners.set(looks, key);
  }

  function looksOf(server: string, name: string): string {
    return config.sameNames === 'within_server' ? keyOf(server, skeleton(name)) : skeleton(name);
  }

  function scoreOf(definition: Definition): number {
    const known = scores.get(definition.digest);
    if (known !== undefined) return known;
    if (scores.size >= MAX_SCORES) scores.clear();
    const score = instructing(definition);
    scores.set(definition.digest, score);
    return score;
  }

  function judge(server: string, definition: Definition): QuarantineReason | undefined {
    const { name, digest, bytes } = definition;
    if (!TOOL_NAME.accepts(name)) return 'TOOL_NAME_UNACCEPTABLE';
    if (bytes > config.maxDefinitionBytes) return 'TOOL_DEFINITION_TOO_LARGE';
    const key = keyOf(server, name);
    const entry = entries.get(key);
    if (entry === undefined) return 'TOOLS_TOO_MANY';
    const looked = [...(pinned.get(key) ?? []), ...accepted.digestsOf(key)];
    if (looked.length > 0) return looked.includes(digest) ? undefined : 'TOOL_DEFINITION_CHANGED';
    if (entry.digest !== digest) return 'TOOL_DEFINITION_CHANGED';
    if (config.firstUse === 'quarantine') return 'TOOL_DEFINITION_UNKNOWN';
    if (owners.get(looksOf(server, name)) !== key) return 'TOOL_NAME_SHADOWED';
    return scoreOf(definition) >= config.quarantineFrom ? 'TOOL_DEFINITION_INSTRUCTS' : undefined;
  }

  return {
    async observe(server, definitions) {
      await accepted.refresh();
      const observed: Observed[] = [];
      for (const definition of definitions) {
        const { name, digest, tool, bytes } = definition;
        if (!TOOL_NAME.accepts(name) || bytes > config.maxDefinitionBytes) {
          // Remembered by name alone: what is too large to be shown is too large to be kept.
          observed.push({ definition: { ...definition, tool: {} }, reason: judge(server, definition) });
          continue;
        }
        const at = new Date(clock.now()).toISOString();
        const key = keyOf(server, name);
        if (!entries.has(key) && (counts.get(server) ?? 0) < config.maxTools) {
          add({ server, name, digest, seen: at });
          isSaved = false;
        }
        // Reading a long definition takes milliseconds: others have their turn in between.
        if (!scores.has(digest)) await nextTurn();
        const reason = judge(server, definition);
        // Sessions share what is the same.
        const kept = latest.get(key)?.digest === digest ? (latest.get(key) ?? definition) : definition;
        if (entries.has(key)) latest.set(key, kept);
        observed.push({ definition: kept, reason });
        const entry = entries.get(key);
        if (entry === undefined || entry.quarantined?.digest === (reason === undefined ? undefined : digest)) continue;
        if (reason !== undefined) options.onQuarantine(server, name, reason);
        const { quarantined: _before, ...rest } = entry;
        entries.set(key, reason === undefined ? rest : { ...rest, quarantined: { digest, reason, at, tool } });
        isSaved = false;
      }
      if (!isSaved) {
        isSaved = true;
        saving = state.save([...entries.values()]).catch((thrown: unknown) => {
          isSaved = false;
          throw thrown;
        });
      }
      // Also what another list brought at the same time.
      await saving;
      return observed;
    },
    standing(server, definition) {
      const reason = judge(server, definition);
      if (reason !== undefined) return reason;
      const latest = entries.get(keyOf(server, definition.name))?.quarantined;
      // Another session was shown something else since; what the server would carry out now is that.
      return latest === undefined || latest.digest === definition.digest ? undefined : 'TOOL_DEFINITION_CHANGED';
    },
    refresh: () => accepted.refresh(),
  };
}

/** A key that no name can forge. */
export function keyOf(server: string, name: string): string {
  return JSON.stringify([server, name]);
}

function digestsByTool(pins: DefinitionsConfig['pins']): ReadonlyMap<string, readonly string[]> {
  const digests = new Map<string, string[]>();
  for (const { server, name, digest } of pins) {
    const key = keyOf(server, name);
    digests.set(key, [...(digests.get(key) ?? []), digest]);
  }
  return digests;
}
