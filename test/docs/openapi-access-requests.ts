import { json, problems, ref } from './openapi-parts.js';

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };

/** Schemas of the draft of AuthZEN's access request profile, as far as it is spoken here. */
export const ACCESS_REQUEST_SCHEMAS = {
  AccessRequest: {
    type: 'object',
    required: ['subject', 'action', 'resource', 'denial'],
    description: 'Subject, action, resource and context as they were denied; the context may say more.',
    properties: {
      subject: ref('AuthzenSubject'),
      action: ref('AuthzenAction'),
      resource: ref('AuthzenResource'),
      context: { type: 'object' },
      denial: {
        type: 'object',
        required: ['binding_token', 'expires_at'],
        properties: {
          binding_token: { ...text, description: '`context.access_request.binding_token` of the denial.' },
          expires_at: { ...instant, description: '`context.access_request.expires_at` of the denial.' },
        },
      },
    },
  },
  AccessRequestTask: {
    type: 'object',
    required: ['task'],
    properties: {
      task: {
        type: 'object',
        required: ['id', 'status', 'status_endpoint'],
        properties: {
          id: text,
          status: { enum: ['pending', 'approved', 'denied', 'cancelled', 'expired'] },
          status_endpoint: { type: 'string', format: 'uri' },
          expires_at: instant,
        },
      },
      result: {
        type: 'object',
        description: 'Once approved: evaluate again, with `approval` as `context.approval`.',
        required: ['mode', 'approval'],
        properties: {
          mode: { enum: ['reevaluate'] },
          approval: {
            type: 'object',
            required: ['id', 'approved_until'],
            properties: { id: text, approved_until: instant },
          },
        },
      },
    },
  },
};

/** Its paths; there with `http.accessRequests`. */
export function accessRequestPaths(): Readonly<Record<string, object>> {
  const task = (description: string): object => ({ description, content: json(ref('AccessRequestTask')) });
  const refusals = {
    401: 'Nobody known asks.',
    410: 'It has expired.',
    500: 'A defect.',
    503: 'The store does not answer.',
  };
  return {
    '/access/v1/requests': {
      post: {
        operationId: 'accessRequestFile',
        summary: 'AuthZEN: files a denial that can be requested',
        parameters: [
          { name: 'X-Request-ID', in: 'header', required: false, schema: text },
          { name: 'Idempotency-Key', in: 'header', required: false, schema: text },
        ],
        requestBody: { required: true, content: json(ref('AccessRequest')) },
        responses: {
          201: task('It is over already.'),
          202: task('People are asked.'),
          ...problems({
            ...refusals,
            400: 'Not a request as described, or not about that denial.',
            404: 'No such task of this caller.',
            408: 'The request did not arrive in time.',
            409: 'The key was used for another request.',
            413: 'The body is too large.',
            431: 'The head is too large.',
          }),
        },
      },
    },
    '/access/v1/requests/{id}': {
      get: {
        operationId: 'accessRequestTask',
        summary: 'AuthZEN: what became of it',
        parameters: [{ name: 'id', in: 'path', required: true, schema: text }],
        responses: { 200: task('Its state.'), ...problems({ ...refusals, 404: 'No such task of this caller.' }) },
      },
    },
  };
}
