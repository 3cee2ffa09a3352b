import { QUOTA_KINDS } from '@portcullis/policy/model';
import { json, problems, ref } from './openapi-parts.js';

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const REVIEW = {
  type: 'object',
  required: ['id', 'tenant', 'agent', 'request_digest', 'asked', 'opened_at', 'told'],
  additionalProperties: false,
  properties: {
    id: { ...text, format: 'uuid', description: "The decision's." },
    tenant: text,
    agent: text,
    user: text,
    server: text,
    tool: text,
    operation: text,
    request_digest: { ...text, description: 'Lower-case hex SHA-256 of the canonical request.' },
    asked: {
      type: 'array',
      items: {
        type: 'object',
        required: ['policy'],
        additionalProperties: false,
        properties: { policy: { ...text, description: '`<layer>/<set>/<slug>`' }, reason: text },
      },
      description: 'Which policies want it looked at, and why.',
    },
    opened_at: instant,
    closed: {
      type: 'object',
      required: ['by', 'at', 'note'],
      additionalProperties: false,
      properties: { by: text, at: instant, note: text },
    },
    told: { type: 'array', items: text, description: 'Webhooks that were told, or given up.' },
  },
};

/** Schemas of the operators' routes. */
export const OPERATOR_SCHEMAS = {
  KillState: {
    type: 'object',
    required: ['env', 'seq', 'lists', 'targets'],
    additionalProperties: false,
    properties: {
      env: text,
      seq: { type: 'integer', minimum: 0, description: 'Of the list in force; 0 before there is one.' },
      lists: {
        type: 'array',
        items: { type: 'string', contentEncoding: 'base64' },
        description: 'The signed lists, as they arrived.',
      },
      targets: {
        type: ['string', 'null'],
        contentEncoding: 'base64',
        description: 'The TUF targets that say whose signatures count; null before there are any.',
      },
    },
  },
  QuotaUsage: {
    type: 'object',
    required: ['shared', 'quotas'],
    additionalProperties: false,
    properties: {
      shared: { type: 'boolean', description: 'Whether all PDPs draw on these accounts.' },
      quotas: {
        type: 'array',
        items: {
          type: 'object',
          required: ['quota', 'kind', 'account', 'limit', 'used'],
          additionalProperties: false,
          properties: {
            quota: { ...text, description: '`<layer>/<set>/<slug>`' },
            kind: { enum: [...QUOTA_KINDS] },
            account: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
            unit: { ...text, description: 'What limit and used count, e.g. requests, tokens, bytes, or a currency.' },
            limit: { type: 'number' },
            window_seconds: { type: 'integer', minimum: 1 },
            used: { type: 'number' },
            resets_at: { type: 'string', format: 'date-time' },
          },
        },
      },
    },
  },
  Review: REVIEW,
  Reviews: {
    type: 'object',
    required: ['reviews'],
    additionalProperties: false,
    properties: { reviews: { type: 'array', items: REVIEW } },
  },
  ReviewNote: {
    type: 'object',
    required: ['note'],
    additionalProperties: false,
    properties: { note: { ...text, minLength: 1, maxLength: 2_048, description: 'What was found.' } },
  },
};

const REFUSALS = { 401: 'Not the certificate of a publisher.', 431: 'The head is too large.', 500: 'A defect.' };
const SECURITY = [{ mtls: [] }];

/** Paths of the operators' routes. */
export function operatorPaths(): Readonly<Record<string, object>> {
  const state = { description: 'What is stopped now.', content: json(ref('KillState')) };
  return {
    '/v1/kill': {
      get: {
        operationId: 'killShow',
        summary: 'The kill lists that are known',
        security: SECURITY,
        responses: { 200: state, ...problems(REFUSALS) },
      },
      put: {
        operationId: 'killOffer',
        summary: 'Offers a signed kill list',
        security: SECURITY,
        requestBody: {
          required: true,
          content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
        },
        responses: {
          200: state,
          ...problems({
            ...REFUSALS,
            400: 'No kill list of this environment, or not signed by whom the trust names.',
            408: 'The request did not arrive in time.',
            409: 'A later list is in force.',
            413: 'The body is too large.',
            503: 'Whose signatures count is not known yet, or the list could not be kept.',
          }),
        },
      },
    },
    '/v1/reviews': {
      get: {
        operationId: 'reviewList',
        summary: 'What policies let continue and want looked at, of all PDPs that share a store',
        security: SECURITY,
        parameters: [
          {
            name: 'closed',
            in: 'query',
            schema: { enum: ['true', 'false'] },
            description: 'Those that are closed, too.',
          },
        ],
        responses: {
          200: { description: 'The reviews, newest first.', content: json(ref('Reviews')) },
          ...problems({ ...REFUSALS, 400: 'A parameter is not acceptable.', 503: 'The store does not answer.' }),
        },
      },
    },
    '/v1/reviews/{id}/close': {
      post: {
        operationId: 'reviewClose',
        summary: 'Closes a review',
        security: SECURITY,
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
        requestBody: { required: true, content: json(ref('ReviewNote')) },
        responses: {
          200: { description: 'The review, closed.', content: json(ref('Review')) },
          ...problems({
            ...REFUSALS,
            400: 'The note is not acceptable.',
            404: 'There is no review of that id.',
            409: 'Somebody has closed it already.',
            413: 'The body is too large.',
            415: 'The body is not JSON.',
            503: 'The review could not be kept.',
          }),
        },
      },
    },
    '/v1/quotas': {
      get: {
        operationId: 'quotaUsage',
        summary: 'How far quotas are used',
        security: SECURITY,
        responses: {
          200: { description: 'Accounts that were drawn on here.', content: json(ref('QuotaUsage')) },
          ...problems({ ...REFUSALS, 503: 'The store of quotas does not answer.' }),
        },
      },
    },
  };
}
