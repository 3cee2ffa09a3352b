import { json, problems, ref } from './openapi-parts.js';

const text = { type: 'string' };
const properties = { type: 'object' };
const sought = { type: 'object', required: ['type'], properties: { type: text, properties } };
const page = {
  type: 'object',
  properties: {
    token: { ...text, description: '`next_token` of the page before.' },
    limit: { type: 'integer', minimum: 0, description: 'Results, at most; up to `http.search.maxResults`.' },
    properties: {
      type: 'object',
      properties: {
        candidates: {
          type: 'array',
          items: { type: 'string', minLength: 1, maxLength: 2048 },
          minItems: 1,
          maxItems: 256,
          description: 'The only ids, or names of actions, that are looked at.',
        },
      },
    },
  },
};
const request = (required: readonly string[], members: object): object => ({
  type: 'object',
  required,
  properties: { ...members, context: { type: 'object' }, page },
});
const obligations = { type: 'array', items: { type: 'object' }, description: 'What an allow of it is tied to.' };
const found = (required: readonly string[], members: object): object => ({
  type: 'object',
  required: ['page', 'results'],
  properties: {
    page: {
      type: 'object',
      required: ['next_token'],
      properties: { next_token: { ...text, description: 'Empty on the last page.' }, count: { type: 'integer' } },
    },
    context: {
      type: 'object',
      required: ['candidates'],
      properties: {
        candidates: {
          enum: ['registry', 'catalogue', 'caller', 'configuration', 'request', 'protocol', 'none'],
          description:
            'Where those that were looked at come from; others may be permitted, too. With `none` nothing was looked at.',
        },
        unlisted: {
          type: 'object',
          required: ['path', 'message'],
          properties: { path: text, message: text },
          description:
            'Why there was nothing to look at (`none`): that there are no results does not say that nobody may.',
        },
        undecided: { type: 'integer', minimum: 1, description: 'Candidates of which nobody could tell.' },
        policy_version: text,
        release_seq: { type: 'integer' },
      },
    },
    results: {
      type: 'array',
      items: { type: 'object', required, properties: { ...members, obligations } },
    },
  },
});
const entities = found(['type', 'id'], { type: text, id: text, properties });

/** Schemas of the AuthZEN search. */
export const SEARCH_SCHEMAS = {
  AuthzenSubjectSearch: request(['subject', 'action', 'resource'], {
    subject: sought,
    action: ref('AuthzenAction'),
    resource: ref('AuthzenResource'),
  }),
  AuthzenResourceSearch: request(['subject', 'action', 'resource'], {
    subject: ref('AuthzenSubject'),
    action: ref('AuthzenAction'),
    resource: sought,
  }),
  AuthzenActionSearch: request(['subject', 'resource'], {
    subject: ref('AuthzenSubject'),
    resource: ref('AuthzenResource'),
  }),
  AuthzenSubjects: entities,
  AuthzenResources: entities,
  AuthzenActions: found(['name'], { name: text }),
};

const REFUSALS = {
  400: 'Not a request as described, or a token that is not good.',
  401: 'Nobody known asks.',
  403: 'Not for this caller to ask.',
  408: 'The request did not arrive in time.',
  413: 'The body is too large.',
  431: 'The head is too large.',
  500: 'A defect.',
  503: 'Too many searches are under way, or there is no release to decide with.',
};

/** Paths of the AuthZEN search. */
export function searchPaths(): Readonly<Record<string, object>> {
  const search = (what: 'Subject' | 'Resource' | 'Action', summary: string): object => ({
    post: {
      operationId: `authzenSearch${what}`,
      summary,
      parameters: [
        { name: 'X-Request-ID', in: 'header', required: false, schema: text },
        { name: 'X-Portcullis-User-Token', in: 'header', required: false, schema: text },
      ],
      requestBody: { required: true, content: json(ref(`Authzen${what}Search`)) },
      responses: {
        200: {
          description: 'Those that are permitted of those that are known; it may be none.',
          content: json(ref(`Authzen${what}s`)),
        },
        ...problems(REFUSALS),
      },
    },
  });
  return {
    '/access/v1/search/subject': search('Subject', 'AuthZEN: who may'),
    '/access/v1/search/resource': search('Resource', 'AuthZEN: to what'),
    '/access/v1/search/action': search('Action', 'AuthZEN: what they may do'),
  };
}
