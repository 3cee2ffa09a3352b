import { QUOTA_KINDS } from '@portcullis/policy/model';
import { json, problems, ref } from './openapi-parts.js';

const text = { type: 'string' };

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
            limit: { type: 'number' },
            window_seconds: { type: 'integer', minimum: 1 },
            used: { type: 'number' },
            resets_at: { type: 'string', format: 'date-time' },
          },
        },
      },
    },
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
