import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { PortcullisError } from '../errors/portcullis-error.js';
import { LOG_FIELD } from './fields.js';

/** A pino logger; children gain fields as identity becomes known. */
export type Logger = PinoLogger;

/** Levels in falling order of urgency. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Field names whose values never reach a log, at the top or one level down. Reviewed like code. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'privateKey',
  'private_key',
  'apiKey',
  'api_key',
  'credentials',
  'arguments',
  'body',
  'payload',
] as const;

/** Log lines that may wait for a slow reader, in bytes; more are dropped rather than hold up a decision. */
const MAX_PENDING_BYTES = 1024 * 1024;

function describe(value: unknown): unknown {
  const fault = PortcullisError.from(value);
  const cause: unknown = fault.cause;
  return {
    [LOG_FIELD.code]: fault.code,
    [LOG_FIELD.kind]: fault.kind,
    message: fault.message,
    ...(Object.keys(fault.details).length > 0 ? { [LOG_FIELD.details]: fault.details } : {}),
    ...(cause instanceof Error && cause.message !== fault.message ? { cause: cause.message } : {}),
    ...(fault.kind === 'internal' ? { stack: cause instanceof Error ? cause.stack : fault.stack } : {}),
  };
}

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** Who logs: the service, then refined by children. */
  readonly component: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `stderr`: standard output belongs to protocols. A stream may be given, for tests. */
  readonly destination?: 'stdout' | 'stderr' | DestinationStream;
}

/**
 * A JSON logger with constant field names. Messages are short, standard case and without interpolation; everything
 * else is a field. Payloads are never logged; the redaction list is the second net.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { destination = 'stderr' } = options;
  const stream =
    typeof destination === 'string'
      ? pino.destination({ fd: destination === 'stdout' ? 1 : 2, sync: false, maxLength: MAX_PENDING_BYTES })
      : destination;
  return pino(
    {
      level: options.level ?? 'info',
      base: { [LOG_FIELD.component]: options.component },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { [LOG_FIELD.error]: describe },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]),
        censor: '[redacted]',
      },
    },
    stream,
  );
}
