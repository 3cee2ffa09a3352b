import type { FaultKind } from './fault-kinds.js';

/** Registered, so that it is the same symbol in every realm and in every copy of this package. */
const BRAND = Symbol.for('portcullis.error');

/** System error codes that mean "the other side cannot be reached now". */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_SOCKET',
]);

/** System error codes that mean "no answer in time". */
const TIMED_OUT: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
]);

function kindOf(value: unknown): FaultKind {
  if (typeof value !== 'object' || value === null) return 'internal';
  const name: unknown = Reflect.get(value, 'name');
  if (name === 'TimeoutError') return 'timeout';
  if (name === 'AbortError') return 'unavailable';
  const code: unknown = Reflect.get(value, 'code');
  if (typeof code !== 'string') return 'internal';
  if (TIMED_OUT.has(code)) return 'timeout';
  return UNREACHABLE.has(code) ? 'unavailable' : 'internal';
}

/**
 * A fault: something that should have worked did not. Denials and findings are values and never use this class.
 *
 * Branch on `kind` or `code`, never on `message`. `message` is lower-case, without a period and without secrets;
 * `details` holds loggable facts only.
 */
export class PortcullisError extends Error {
  override readonly name = 'PortcullisError';
  /** `ERR_<AREA>_<WHAT>`; stable, never reused. */
  readonly code: string;
  readonly kind: FaultKind;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    kind: FaultKind,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true, enumerable: false });
  }

  /** True for faults made by any copy of this class, in any realm. */
  static is(value: unknown): value is PortcullisError {
    return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
  }

  /**
   * Turns whatever was caught into a fault; a fault passes through unchanged. Unknown causes are `internal`,
   * except for well-known network and abort errors.
   * @param code used when `value` is not a fault yet; default `ERR_INTERNAL`.
   */
  static from(value: unknown, code = 'ERR_INTERNAL'): PortcullisError {
    if (PortcullisError.is(value)) return value;
    const message = value instanceof Error && value.message !== '' ? value.message : 'unexpected failure';
    return new PortcullisError(code, kindOf(value), message, { cause: value });
  }
}
