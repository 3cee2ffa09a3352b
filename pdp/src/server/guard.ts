/**
 * The rescue of every handler: whatever a request makes a handler do, the caller gets an answer and the process lives.
 * grpc-js by itself leaves a rejected handler unanswered until the deadline, and Node ends the process for it.
 */

import { type handleUnaryCall, type ServerErrorResponse, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { LOG_FIELD, type Logger, PortcullisError, SURFACE } from '@portcullis/runtime';

/** How a fault looks to the caller: its kind's status and, unless it is a defect of ours, its message. */
export function statusOf(fault: PortcullisError): ServerErrorResponse {
  const { grpcStatus } = SURFACE[fault.kind];
  const isOurs = fault.kind === 'internal' || fault.kind === 'corrupt';
  const details = isOurs ? 'internal error' : fault.message;
  // The table of surfaces has numbers, grpc-js wants its enum.
  const code = status[status[grpcStatus] as keyof typeof status];
  return { name: 'ServiceError', message: details, code, details };
}

/** Logs a fault at its kind's level, without the request. */
export function logFault(log: Logger, fault: PortcullisError, message: string): void {
  log[SURFACE[fault.kind].logLevel]({ [LOG_FIELD.error]: fault }, message);
}

/** A unary handler that always calls back exactly once, also when `body` throws, rejects, or answers too late to be sent. */
export function guardUnary<Request, Response>(
  log: Logger,
  body: (call: ServerUnaryCall<Request, Response>) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    // `async` turns a synchronous throw of `body` into a rejection.
    const run = async (): Promise<Response> => body(call);
    run()
      .then(
        (response) => callback(null, response),
        (error: unknown) => {
          const fault = PortcullisError.from(error);
          logFault(log, fault, 'Call failed');
          callback(statusOf(fault));
        },
      )
      .catch((error: unknown) => logFault(log, PortcullisError.from(error), 'Answer could not be sent'));
  };
}

/** Runs a piece of a streaming handler; what it throws goes to `rescue` instead of to the process. */
export function guarded<Arguments extends readonly unknown[]>(
  body: (...args: Arguments) => void,
  rescue: (fault: PortcullisError) => void,
): (...args: Arguments) => void {
  return (...args) => {
    try {
      body(...args);
    } catch (error) {
      rescue(PortcullisError.from(error));
    }
  };
}
