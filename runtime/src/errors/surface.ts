import type { FaultKind } from './fault-kinds.js';

/** How one kind of fault shows itself on every surface. */
export interface Surface {
  /** Numeric gRPC status code. */
  readonly grpcStatus: number;
  readonly httpStatus: number;
  readonly logLevel: 'error' | 'warn' | 'info';
  readonly metricLabel: string;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
}

/** The one table of faults on surfaces; a new kind does not compile until every column is filled. */
export const SURFACE = {
  invalid: { grpcStatus: 3, httpStatus: 400, logLevel: 'info', metricLabel: 'invalid', retryable: false },
  unauthenticated: {
    grpcStatus: 16,
    httpStatus: 401,
    logLevel: 'warn',
    metricLabel: 'unauthenticated',
    retryable: false,
  },
  unavailable: { grpcStatus: 14, httpStatus: 503, logLevel: 'warn', metricLabel: 'unavailable', retryable: true },
  timeout: { grpcStatus: 4, httpStatus: 504, logLevel: 'warn', metricLabel: 'timeout', retryable: true },
  conflict: { grpcStatus: 9, httpStatus: 409, logLevel: 'info', metricLabel: 'conflict', retryable: false },
  corrupt: { grpcStatus: 15, httpStatus: 500, logLevel: 'error', metricLabel: 'corrupt', retryable: false },
  internal: { grpcStatus: 13, httpStatus: 500, logLevel: 'error', metricLabel: 'internal', retryable: false },
} as const satisfies Record<FaultKind, Surface>;
