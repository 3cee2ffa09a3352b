/** Every error as an RFC 9457 problem document; nothing of our inside leaves with it. */

import { LOG_FIELD, type Logger, PortcullisError, problemDocument, SURFACE } from '@portcullis/runtime';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import { FORBIDDEN } from './access.js';

/** What is asked for does not exist; HTTP 404. */
export const NOT_FOUND = 'ERR_ADMIN_NOT_FOUND';

/** HTTP says some things more precisely than a fault's kind. */
const STATUS_OF_CODE: ReadonlyMap<string, { readonly status: number; readonly title: string }> = new Map([
  [FORBIDDEN, { status: 403, title: 'The caller may not do this' }],
  [NOT_FOUND, { status: 404, title: 'There is no such thing' }],
  ['ERR_ADMIN_TOO_LARGE', { status: 413, title: 'The request is too large' }],
  ['ERR_ADMIN_MEDIA_TYPE', { status: 415, title: 'The body is of another type' }],
]);

/** The fault of something that does not exist. */
export function notFound(what: string): PortcullisError {
  return new PortcullisError(NOT_FOUND, 'invalid', `there is no ${what}`);
}

/** Checks input against its schema. @throws PortcullisError `ERR_ADMIN_INVALID` with every problem. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map((issue) => ({
    code: 'ERR_ADMIN_INVALID',
    message: issue.message,
    path: issue.path.map(String).join('.'),
  }));
  throw new PortcullisError('ERR_ADMIN_INVALID', 'invalid', 'the request is not as described', {
    details: { problems },
  });
}

const BY_STATUS: ReadonlyMap<number, string> = new Map([
  [404, NOT_FOUND],
  [413, 'ERR_ADMIN_TOO_LARGE'],
  [415, 'ERR_ADMIN_MEDIA_TYPE'],
]);

/** What the framework threw, as a fault: its own 4xx are the caller's. */
function faultOf(error: unknown): PortcullisError {
  if (PortcullisError.is(error)) return error;
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return PortcullisError.from(error);
  return new PortcullisError(BY_STATUS.get(statusCode) ?? 'ERR_ADMIN_INVALID', 'invalid', message ?? 'not a request', {
    cause: error,
  });
}

/** Answers every error and every unknown path with a problem document. */
export function answerProblems(app: FastifyInstance, log: Logger): void {
  const send = async (reply: FastifyReply, error: unknown): Promise<void> => {
    const fault = faultOf(error);
    const special = STATUS_OF_CODE.get(fault.code);
    const document = { ...problemDocument(fault), ...special };
    // Readers probe for what does not exist yet (the next root, an abort pointer) at every poll.
    const level = document.status === 404 ? 'debug' : SURFACE[fault.kind].logLevel;
    log[level]({ [LOG_FIELD.error]: fault, [LOG_FIELD.peer]: reply.request.peer }, 'Request refused');
    await reply.code(document.status).type('application/problem+json').send(JSON.stringify(document));
  };
  app.setErrorHandler((error, _request, reply) => send(reply, error));
  app.setNotFoundHandler((request, reply) =>
    send(reply, notFound(`${request.method} ${request.url.split('?')[0] ?? ''}`)),
  );
}
