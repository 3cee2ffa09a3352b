/** Where sessions are kept (contracts §9, ADR-0014): what a store of them promises, whoever keeps it. */

import { createHash } from 'node:crypto';

/** Whose session. Nobody reads or writes the session of another agent, because the agent is a part of its name. */
export interface SessionKey {
  readonly tenant: string;
  readonly agent: string;
  /** As the PEP names it; `undefined` for all that the agent does without naming a session. */
  readonly session: string | undefined;
}

/** A {@link SessionKey} as a store names it: the tenant's share is what its caps are for. */
export interface StoredKey {
  /** Lower-case hex; safe in a key. */
  readonly tenant: string;
  /** Lower-case hex; unique per tenant, agent and session. */
  readonly member: string;
}

/** Names a session in a store; whatever the names contain, two sessions never share one. */
export function storedKey({ tenant, agent, session }: SessionKey): StoredKey {
  return { tenant: sha256(JSON.stringify([tenant])), member: sha256(JSON.stringify([tenant, agent, session ?? null])) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Why nobody can tell what a session has done; closed list, labels of a metric. `store`: no answer. `warm_up`: the store
 * has no past, so the session may have one. `forgotten`: it was known and is not any more. `full`: no room for one more
 * session of the tenant. `too_large`: it outgrew its cap. `contended`: others changed it too often meanwhile.
 */
export const UNKNOWN_CAUSES = ['store', 'warm_up', 'forgotten', 'full', 'too_large', 'contended'] as const;
/** See {@link UNKNOWN_CAUSES}. */
export type UnknownCause = (typeof UNKNOWN_CAUSES)[number];

/** A session of which nobody can tell. */
export interface Unknown {
  readonly outcome: 'unknown';
  readonly cause: UnknownCause;
}

/** What a store has of a session. `new` is only said when it is known that there was nothing before. */
export type SessionReading =
  | { readonly outcome: 'kept'; readonly version: string; readonly text: string }
  /** Still the version that the reader knows. */
  | { readonly outcome: 'same' }
  | { readonly outcome: 'new' }
  | Unknown;

/** What is to be kept in the place of what was read. */
export interface Replacement {
  /** The version that was read; `undefined` for a session that was new. */
  readonly previous: string | undefined;
  /** Another one each time. */
  readonly version: string;
  readonly text: string;
  /** Whether the session's labels are others now: then the label epoch grows. */
  readonly labelsChanged: boolean;
}

/** What became of it. `conflict`: somebody else was there first, with this, and nothing was written. */
export type Replaced =
  | { readonly outcome: 'kept' }
  | { readonly outcome: 'conflict'; readonly version: string; readonly text: string }
  | Unknown;

/** The keeper of sessions. Nothing here rejects: what cannot be known is `unknown`. */
export interface SessionStore {
  /** @param known the version that the reader has already; its text is not sent again */
  read(key: StoredKey, known?: string): Promise<SessionReading>;
  /** In one step, and only if nothing has changed since it was read. Makes the session the youngest of its tenant. */
  replace(key: StoredKey, replacement: Replacement): Promise<Replaced>;
  /** The session is never known again, nor new, for as long as it is asked for. Best effort. */
  forget(key: StoredKey): Promise<void>;
  close(): Promise<void>;
}

/** The caps that every keeper has. */
export interface StoreLimits {
  /** A session that nothing happens in for so long is forgotten, in milliseconds. */
  readonly idleMs: number;
  /** How long it is remembered that there was a session, in milliseconds; longer than `idleMs`. */
  readonly rememberMs: number;
  /** Sessions kept per tenant; one more, and that which was idle longest is forgotten. */
  readonly maxSessions: number;
  /** Sessions of a tenant that are known to have been; what would need one more is `full`. */
  readonly maxRemembered: number;
  /** How long a store without a past is not believed when it says that a session is new, in milliseconds. */
  readonly warmUpMs: number;
}

/** What a store is asked to do; closed list, labels of a metric. */
export const SESSION_OPERATIONS = ['read', 'replace', 'forget', 'epoch'] as const;
/** What a store is asked to do. */
export type SessionOperation = (typeof SESSION_OPERATIONS)[number];

/** What reading a session comes to; labels of a metric. */
export const SESSION_READINGS = ['known', 'new', 'unnamed', ...UNKNOWN_CAUSES] as const;
/** How recording ends; labels of a metric. */
export const SESSION_RECORDS = ['kept', 'repeated', 'unnamed', ...UNKNOWN_CAUSES] as const;
/** What becomes of reported results; labels of a metric. `unasked`: no allowed attempt of that session waits for it. */
export const SESSION_RESULTS = ['kept', 'repeated', 'unasked', ...UNKNOWN_CAUSES] as const;

/** Who counts what happens to sessions. */
export interface SessionObserver {
  sessionRead(outcome: (typeof SESSION_READINGS)[number], seconds: number): void;
  sessionRecorded(outcome: (typeof SESSION_RECORDS)[number], seconds: number): void;
  sessionResult(outcome: (typeof SESSION_RESULTS)[number]): void;
  sessionStoreFailed(operation: SessionOperation): void;
}
