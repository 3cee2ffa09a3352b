/** Sessions as configured. */

import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Clock, type Logger, PortcullisError, type TlsMaterial } from '@portcullis/runtime';
import type { AttemptRecorder, ContextSource } from '../pipeline/ports.js';
import { redisTls } from '../redis/redis-tls.js';
import { createAttemptRecorder } from './attempt-recorder.js';
import { type AnnotationsOf, createSessionSource } from './context-source.js';
import { createMemorySessionStore } from './memory.js';
import { createSessionModel } from './model/session-model.js';
import { fetchesTask } from './naming.js';
import type { SessionObserver, SessionStore, StoreLimits } from './port.js';
import { createRedisSessionStore } from './redis.js';
import { createResultIntake, type ResultIntake } from './result-intake.js';
import { createSealer } from './sealer.js';
import type { SessionConfig } from './session-config.js';
import { createSessions } from './sessions.js';

/** What sessions need besides their configuration. */
export interface OpenSessionParts {
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly observer: SessionObserver;
  readonly log: Logger;
  readonly annotationsOf: AnnotationsOf;
  /** Larger messages of PEPs are refused, in bytes. */
  readonly maxMessageBytes: number;
  /** Whether the risk of an attempt is judged by what its session did. */
  readonly riskLooksBack: boolean;
  /** Told as labels of sessions change, here or in another PDP. */
  readonly onLabelEpoch: (epoch: number) => void;
}

/** The sessions of a PDP. */
export interface OpenSessions {
  readonly source: ContextSource;
  readonly recorder: AttemptRecorder;
  readonly results: ResultIntake;
  close(): Promise<void>;
}

const KEY_BYTES = 32;

/**
 * Opens them; a Redis that is not there is not waited for.
 * @throws PortcullisError `ERR_SESSION_KEY` when the key file cannot be read or is too short.
 */
export async function openSessions(config: SessionConfig, parts: OpenSessionParts): Promise<OpenSessions> {
  const { clock, observer } = parts;
  const key = config.store.type === 'redis' ? await readKey(config.store.keyFile) : randomBytes(KEY_BYTES);
  const store = openStore(config, parts);
  const sessions = createSessions({ store, maxBytes: config.maxBytes, newVersion: randomUUID });
  const model = createSessionModel({ key });
  // Whatever a task is called: to fetch what it brought changes nothing anywhere.
  const annotationsOf: AnnotationsOf = (request) =>
    parts.annotationsOf(request) ?? (fetchesTask(request) ? { effect: 'read' } : undefined);
  const sealer = createSealer(key);
  const shared = { sessions, model, sealer, annotationsOf, unnamed: config.unnamed, observer, clock };
  const maxResultBytes = Math.min(config.maxResultBytes, Math.floor(parts.maxMessageBytes / 2));
  return {
    source: createSessionSource(shared),
    recorder: createAttemptRecorder({ ...shared, maxResultBytes, riskLooksBack: parts.riskLooksBack }),
    results: createResultIntake(shared),
    close: () => store.close(),
  };
}

function openStore(config: SessionConfig, parts: OpenSessionParts): SessionStore {
  const { store, idleSeconds, rememberSeconds, maxSessions, maxRemembered } = config;
  const { clock, observer, log, onLabelEpoch } = parts;
  const limits: Omit<StoreLimits, 'warmUpMs'> = {
    idleMs: idleSeconds * 1_000,
    rememberMs: rememberSeconds * 1_000,
    maxSessions,
    maxRemembered,
  };
  if (store.type === 'memory') {
    return createMemorySessionStore({ ...limits, warmUpMs: 0, maxTotal: store.maxTotalBytes, clock, onLabelEpoch });
  }
  const { url, prefix, timeoutMs, epochPollMs, warmUpSeconds = idleSeconds } = store;
  return createRedisSessionStore({
    ...limits,
    warmUpMs: warmUpSeconds * 1_000,
    url,
    ...(store.tls ? { tls: redisTls(parts.tls, url) } : {}),
    prefix,
    timeoutMs,
    epochPollMs,
    onLabelEpoch,
    observer,
    log,
  });
}

async function readKey(file: string): Promise<Uint8Array> {
  let key: Uint8Array;
  try {
    key = await readFile(file);
  } catch (error) {
    throw new PortcullisError('ERR_SESSION_KEY', 'invalid', 'the key of the sessions cannot be read', { cause: error });
  }
  if (key.byteLength < KEY_BYTES) {
    throw new PortcullisError(
      'ERR_SESSION_KEY',
      'invalid',
      `the key of the sessions is shorter than ${KEY_BYTES} bytes`,
    );
  }
  return key;
}
