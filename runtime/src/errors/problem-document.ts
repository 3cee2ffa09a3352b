import type { FaultKind } from './fault-kinds.js';
import type { PortcullisError } from './portcullis-error.js';
import { SURFACE } from './surface.js';

/** An RFC 9457 problem document; served as `application/problem+json`. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  /** Findings about the caller's input, when that is what failed. */
  readonly problems?: readonly unknown[];
}

const TITLE = {
  invalid: 'The request is not valid',
  unauthenticated: 'The caller was not accepted',
  unavailable: 'A part that is needed is not available',
  timeout: 'No answer in time',
  conflict: 'The request conflicts with the current state',
  corrupt: 'Stored or received data is damaged',
  internal: 'Internal error',
} as const satisfies Record<FaultKind, string>;

/**
 * The problem document of a fault. The message of an `internal` or `corrupt` fault stays at home: it speaks of our
 * inside, and only our logs may see it.
 */
export function problemDocument(error: PortcullisError): ProblemDocument {
  const status = SURFACE[error.kind].httpStatus;
  const problems = error.details['problems'];
  return {
    type: `urn:portcullis:error:${error.code}`,
    title: TITLE[error.kind],
    status,
    code: error.code,
    ...(error.kind === 'internal' || error.kind === 'corrupt' ? {} : { detail: error.message }),
    ...(error.kind === 'invalid' && Array.isArray(problems) ? { problems } : {}),
  };
}
