/** Every failure as an RFC 9457 problem document; nothing of our inside leaves with it. */

import { PortcullisError, type ProblemDocument, problemDocument } from '@portcullis/runtime';

interface Precise {
  readonly status: number;
  readonly title: string;
  /** Where a specification names the problem. */
  readonly type?: string;
}

/** HTTP says some things more precisely than a fault's kind. */
const PRECISE: ReadonlyMap<string, Precise> = new Map<string, Precise>([
  ...accessRequestProblems(),
  ['ERR_APPROVAL_FORBIDDEN', { status: 403, title: 'The caller may not do this' }],
  ['ERR_APPROVAL_UNKNOWN', { status: 404, title: 'There is no such thing' }],
  ['ERR_REVIEW_UNKNOWN', { status: 404, title: 'There is no such thing' }],
  ['ERR_HTTP_NOT_FOUND', { status: 404, title: 'There is no such thing' }],
  ['ERR_HTTP_METHOD', { status: 405, title: 'The path is used with another method' }],
  ['ERR_HTTP_TIMEOUT', { status: 408, title: 'The request did not arrive in time' }],
  ['ERR_HTTP_TOO_LARGE', { status: 413, title: 'The body is too large' }],
  ['ERR_HTTP_MEDIA_TYPE', { status: 415, title: 'The body is of another type' }],
  ['ERR_HTTP_HEAD_TOO_LARGE', { status: 431, title: 'The head of the request is too large' }],
  ['ERR_SEARCH_FORBIDDEN', { status: 403, title: 'The caller may not do this' }],
]);

/** What the draft of AuthZEN's access request profile calls them. */
function accessRequestProblems(): readonly (readonly [code: string, precise: Precise])[] {
  const urn = (name: string): string => `urn:openid:authzen:access-request:error:${name}`;
  return [
    [
      'ERR_ACCESS_REQUEST_BINDING',
      { status: 400, title: 'The denial is another', type: urn('invalid_denial_binding') },
    ],
    ['ERR_ACCESS_REQUEST_DUPLICATE', { status: 409, title: 'The key is taken', type: urn('duplicate_request') }],
    ['ERR_ACCESS_REQUEST_EXPIRED', { status: 410, title: 'The denial has expired', type: urn('expired_denial') }],
    ['ERR_ACCESS_REQUEST_TASK_EXPIRED', { status: 410, title: 'The task has expired', type: urn('task_expired') }],
    ['ERR_ACCESS_REQUEST_UNKNOWN', { status: 404, title: 'There is no such task', type: urn('unknown_task') }],
  ];
}

const BY_STATUS: ReadonlyMap<number, readonly [code: string, message: string]> = new Map([
  [408, ['ERR_HTTP_TIMEOUT', 'the request did not arrive in time']],
  [413, ['ERR_HTTP_TOO_LARGE', 'the body is larger than allowed']],
  [431, ['ERR_HTTP_HEAD_TOO_LARGE', 'the head of the request is larger than allowed']],
]);

/** The document of a fault. */
export function httpProblem(fault: PortcullisError): ProblemDocument {
  return { ...problemDocument(fault), ...PRECISE.get(fault.code) };
}

/** A request that is not one; HTTP 400. `path` is a place in the body. */
export function invalidRequest(message: string, path = ''): PortcullisError {
  const problems = path === '' ? [] : [{ code: 'ERR_HTTP_INVALID', message, path }];
  return new PortcullisError('ERR_HTTP_INVALID', 'invalid', path === '' ? message : `${path}: ${message}`, {
    ...(problems.length === 0 ? {} : { details: { problems } }),
  });
}

/** What the framework threw, as a fault: its own 4xx are the caller's, in our words. Anything else is a defect. */
export function faultOf(error: unknown): PortcullisError {
  if (PortcullisError.is(error)) return error;
  const status: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'statusCode') : undefined;
  if (typeof status !== 'number' || status < 400 || status > 499) return PortcullisError.from(error);
  const [code, message] = BY_STATUS.get(status) ?? ['ERR_HTTP_INVALID', 'not a request that is understood here'];
  return new PortcullisError(code, 'invalid', message, { cause: error });
}

/** Of Node's parser: a broken or late head or body, before there is a request. */
export function connectionFault(code: string | undefined): PortcullisError {
  const status = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  return faultOf({ statusCode: status });
}
