import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formattedJson } from './formatted-json.js';
import { ACCESS_REQUEST_SCHEMAS, accessRequestPaths } from './openapi-access-requests.js';
import { EXAMPLES } from './openapi-examples.js';
import { OPERATOR_SCHEMAS, operatorPaths } from './openapi-operators.js';
import { json, problems, ref } from './openapi-parts.js';
import { SEARCH_SCHEMAS, searchPaths } from './openapi-search.js';
import type { Page } from './page.js';

const entity = (required: readonly string[]): object => ({
  type: 'object',
  required,
  properties: {
    ...Object.fromEntries(required.map((name) => [name, { type: 'string' }])),
    properties: { type: 'object' },
  },
});
/** Of the OpenID AuthZEN Authorization API 1.0; members that are not listed are ignored. */
const AUTHZEN = {
  AuthzenSubject: entity(['type', 'id']),
  AuthzenAction: entity(['name']),
  AuthzenResource: entity(['type', 'id']),
  AuthzenEvaluation: {
    type: 'object',
    required: ['subject', 'action', 'resource'],
    properties: {
      subject: ref('AuthzenSubject'),
      action: ref('AuthzenAction'),
      resource: ref('AuthzenResource'),
      context: { type: 'object' },
    },
  },
  AuthzenEvaluations: {
    type: 'object',
    description: 'Top-level entities are defaults; without evaluations they are the one evaluation.',
    properties: {
      subject: ref('AuthzenSubject'),
      action: ref('AuthzenAction'),
      resource: ref('AuthzenResource'),
      context: { type: 'object' },
      options: {
        type: 'object',
        properties: {
          evaluations_semantic: { enum: ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] },
        },
      },
      evaluations: { type: 'array', maxItems: 256, items: { type: 'object' } },
    },
  },
  AuthzenDecision: {
    type: 'object',
    required: ['decision'],
    properties: { decision: { type: 'boolean' }, context: { type: 'object' } },
  },
  AuthzenDecisions: {
    type: 'object',
    required: ['evaluations'],
    properties: { evaluations: { type: 'array', items: ref('AuthzenDecision') } },
  },
  AuthzenMetadata: {
    type: 'object',
    required: ['policy_decision_point', 'access_evaluation_endpoint', 'access_evaluations_endpoint'],
    properties: {
      policy_decision_point: { type: 'string', format: 'uri' },
      access_evaluation_endpoint: { type: 'string', format: 'uri' },
      access_evaluations_endpoint: { type: 'string', format: 'uri' },
      search_subject_endpoint: { type: 'string', format: 'uri' },
      search_resource_endpoint: { type: 'string', format: 'uri' },
      search_action_endpoint: { type: 'string', format: 'uri' },
      access_request_endpoint: { type: 'string', format: 'uri' },
      supported_obligations: {
        type: 'array',
        items: { type: 'string' },
        description: 'Types of the draft of the obligations profile; there with `http.obligations: profile`.',
      },
      capabilities: { type: 'array', items: { type: 'string' } },
    },
  },
  ...SEARCH_SCHEMAS,
  ...ACCESS_REQUEST_SCHEMAS,
};
const PROBLEM = {
  type: 'object',
  description: 'RFC 9457.',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { description: 'See errors.md.', type: 'string' },
    detail: { type: 'string' },
    problems: { type: 'array', items: { type: 'object' } },
  },
};

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'Not a request as described.',
  401: 'Nobody known asks.',
  408: 'The request did not arrive in time.',
  413: 'The body is too large.',
  415: 'The body is of another type.',
  431: 'The head is too large.',
  500: 'A defect.',
  503: 'The keys of the token issuer cannot be had.',
};

function post(operationId: string, summary: string, body: object, answer: object): object {
  const isAuthzen = operationId !== 'evaluate';
  const refusals = Object.entries(REFUSALS).filter(([status]) => !isAuthzen || status !== '415');
  return {
    post: {
      operationId,
      summary,
      parameters: [
        { name: 'X-Request-ID', in: 'header', required: false, schema: { type: 'string' } },
        { name: 'X-Portcullis-User-Token', in: 'header', required: false, schema: { type: 'string' } },
      ],
      requestBody: { required: true, content: json(body) },
      responses: {
        200: { description: 'A decision; it need not be a yes.', content: json(answer) },
        ...problems(Object.fromEntries(refusals)),
      },
    },
  };
}

const ENDED = {
  type: 'object',
  required: ['held', 'denied', 'allowed'],
  properties: { held: { type: 'integer' }, denied: { type: 'integer' }, allowed: { type: 'integer' } },
};
const NEED = {
  type: 'object',
  required: ['hold', 'type', 'quorum'],
  properties: {
    hold: { type: 'string' },
    type: { enum: ['require_approval', 'require_hitl'] },
    role: { type: 'string' },
    group: { type: 'string' },
    quorum: { type: 'integer', minimum: 1 },
  },
};
const instant = { type: 'string', format: 'date-time' };
const text = { type: 'string' };
const texts = { type: 'array', items: text };
const STATES = { enum: ['pending', 'approved', 'denied', 'consumed', 'expired', 'revoked'] };
/** What approvers see, and the little that an agent sees of what it waits for. */
const APPROVALS = {
  Approval: {
    type: 'object',
    required: ['id', 'state', 'needs', 'expires_at'],
    description: 'An agent is shown id, state, needs and expires_at only.',
    properties: {
      id: text,
      state: STATES,
      tenant: text,
      agent: text,
      request: { type: 'object', description: 'What was asked for, as `approvals.payload` keeps it.' },
      binding: { ...text, description: 'SHA-256 of what it is bound to (ADR-0016).' },
      bundle_digest: text,
      release_seq: { type: 'integer' },
      definition_digest: text,
      needs: { type: 'array', items: NEED },
      votes: {
        type: 'array',
        items: {
          type: 'object',
          properties: { person: text, says: { enum: ['approve', 'deny'] }, holds: texts, comment: text, at: instant },
        },
      },
      why: text,
      created_at: instant,
      expires_at: instant,
    },
  },
  Approvals: {
    type: 'object',
    required: ['approvals'],
    properties: { approvals: { type: 'array', items: ref('Approval') } },
  },
  Comment: {
    type: 'object',
    additionalProperties: false,
    properties: { comment: { type: 'string', maxLength: 500 } },
  },
  Grant: {
    type: 'object',
    required: ['id', 'state', 'count', 'used', 'expires_at'],
    properties: {
      id: text,
      state: { enum: ['active', 'revoked', 'expired'] },
      tenant: text,
      agent: text,
      target: { type: 'object' },
      needs: { type: 'array', items: NEED },
      arguments: { type: 'object', description: 'SHA-256 of the value of each argument that must be the same.' },
      vary: texts,
      count: { type: 'integer' },
      used: { type: 'integer' },
      budget: {
        type: 'object',
        properties: { argument: text, limit: { type: 'number' }, spent: { type: 'number' } },
      },
      definition_digest: text,
      created_by: text,
      approval: text,
      created_at: instant,
      expires_at: instant,
    },
  },
  Grants: { type: 'object', required: ['grants'], properties: { grants: { type: 'array', items: ref('Grant') } } },
  GrantPreview: {
    type: 'object',
    required: ['records', 'checked', 'unchecked', 'covered', 'beyond_count', 'possible', 'days', 'examples'],
    properties: {
      approval: text,
      agent: text,
      target: text,
      since: instant,
      until: instant,
      records: {
        type: 'object',
        required: ['complete', 'why', 'looked_at'],
        description: 'Of this decision point alone; complete when nothing since then is missing.',
        properties: { from: instant, complete: { type: 'boolean' }, why: text, looked_at: { type: 'integer' } },
      },
      checked: { ...texts, description: 'What was compared exactly.' },
      unchecked: { type: 'array', items: { type: 'object', properties: { term: text, why: text } } },
      covered: { ...ENDED, description: 'Attempts that it would certainly have covered, by how they ended.' },
      beyond_count: { type: 'integer', description: 'How many of them are more than its count.' },
      possible: { ...ENDED, description: 'Others, of which the records do not tell.' },
      days: {
        type: 'array',
        items: { type: 'object', properties: { day: { type: 'string' }, covered: ENDED, possible: ENDED } },
      },
      examples: {
        type: 'array',
        maxItems: 10,
        items: {
          type: 'object',
          properties: {
            decision_id: text,
            at: instant,
            ended: { enum: ['held', 'denied', 'allowed'] },
            certain: { type: 'boolean' },
            deny: texts,
            release_seq: { type: 'integer' },
          },
        },
      },
    },
  },
  GrantWish: {
    type: 'object',
    additionalProperties: false,
    required: ['approval', 'count', 'expires_seconds'],
    properties: {
      approval: { ...text, description: 'An approval that was agreed to.' },
      count: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      expires_seconds: { type: 'integer', minimum: 1 },
      vary: { ...texts, maxItems: 64, description: 'Arguments that need not equal the approved ones.' },
      budget: {
        type: 'object',
        additionalProperties: false,
        required: ['argument', 'limit'],
        properties: { argument: text, limit: { type: 'number', minimum: 0 } },
      },
      comment: { type: 'string', maxLength: 500 },
    },
  },
};

/** An operation of approvers. `id`: the path has one. */
function forPeople(
  operationId: string,
  summary: string,
  answer: string,
  options: {
    readonly body?: string;
    readonly id?: boolean;
    readonly query?: readonly object[];
    readonly status?: number;
  },
): object {
  const refusals: Readonly<Record<string, string>> = {
    400: 'Not a request as described.',
    401: 'Nobody known asks.',
    403: 'Not for this person to say.',
    404: 'No such thing in this tenant.',
    409: 'Not in a state for this.',
    500: 'A defect.',
    503: 'The store, the audit chain or the keys cannot be had.',
  };
  return {
    operationId,
    summary,
    security:
      operationId === 'approvalShow'
        ? [{ approver: [] }, { mtls: [] }, { token: [] }]
        : [{ approver: [] }, { mtls: [] }],
    parameters: [
      ...(options.id === true ? [{ name: 'id', in: 'path', required: true, schema: text }] : []),
      ...(options.query ?? []),
    ],
    ...(options.body === undefined ? {} : { requestBody: { required: true, content: json(ref(options.body)) } }),
    responses: {
      [options.status ?? 200]: { description: 'Done.', content: json(ref(answer)) },
      ...problems(refusals),
    },
  };
}

function approvalPaths(): Readonly<Record<string, object>> {
  const act = (verb: string, summary: string): object => ({
    post: forPeople(`approval${verb}`, summary, 'Approval', { body: 'Comment', id: true }),
  });
  const state = { name: 'state', in: 'query', schema: { enum: ['all', ...STATES.enum], default: 'pending' } };
  const limit = { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } };
  return {
    '/v1/approvals': { get: forPeople('approvalList', 'What waits', 'Approvals', { query: [state, limit] }) },
    '/v1/approvals/{id}': { get: forPeople('approvalShow', 'One of them', 'Approval', { id: true }) },
    '/v1/approvals/{id}/approve': act('Approve', 'Agrees'),
    '/v1/approvals/{id}/deny': act('Deny', 'Refuses'),
    '/v1/approvals/{id}/revoke': act('Revoke', 'Takes back what was not used'),
    '/v1/grants': {
      get: forPeople('grantList', 'Standing grants', 'Grants', {}),
      post: forPeople('grantCreate', 'Makes one of an approval', 'Grant', { body: 'GrantWish', status: 201 }),
    },
    '/v1/grants/preview': {
      post: forPeople('grantPreview', 'What one would have covered in the last 7 days', 'GrantPreview', {
        body: 'GrantWish',
      }),
    },
    '/v1/grants/{id}': { get: forPeople('grantShow', 'One of them', 'Grant', { id: true }) },
    '/v1/grants/{id}/revoke': { post: forPeople('grantRevoke', 'Ends it', 'Grant', { body: 'Comment', id: true }) },
  };
}

/** `docs/reference/pdp-openapi.json`: the HTTPS endpoint of the PDP, with the schemas that it checks against. */
export function pdpOpenapi(root: string): Page {
  const schemaOf = (name: string): object =>
    JSON.parse(readFileSync(join(root, 'proto', 'schema', `${name}.schema.json`), 'utf8')) as object;
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const evaluations = { oneOf: [ref('AuthzenDecisions'), ref('AuthzenDecision')] };
  return formattedJson(root, 'docs/reference/pdp-openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Portcullis policy decision point',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'https://pdp.local' }],
    security: [{ mtls: [] }, { token: [] }],
    paths: {
      '/v1/policy/evaluate': post('evaluate', 'Decides', ref('CanonicalRequest'), ref('Decision')),
      '/access/v1/evaluation': post('authzenEvaluation', 'AuthZEN', ref('AuthzenEvaluation'), ref('AuthzenDecision')),
      '/access/v1/evaluations': post('authzenEvaluations', 'AuthZEN batch', ref('AuthzenEvaluations'), evaluations),
      ...searchPaths(),
      ...accessRequestPaths(),
      ...approvalPaths(),
      ...operatorPaths(),
      '/.well-known/authzen-configuration': {
        get: {
          operationId: 'authzenMetadata',
          summary: 'AuthZEN metadata',
          security: [{ mtls: [] }, {}],
          responses: { 200: { description: 'What there is.', content: json(ref('AuthzenMetadata')) } },
        },
      },
    },
    components: {
      securitySchemes: {
        mtls: { type: 'mutualTLS' },
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        approver: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "An approver's token, of an issuer in `approvals.approvers`.",
        },
      },
      schemas: withExamples({
        CanonicalRequest: schemaOf('canonical-request'),
        Decision: schemaOf('decision'),
        Problem: PROBLEM,
        ...AUTHZEN,
        ...APPROVALS,
        ...OPERATOR_SCHEMAS,
      }),
    },
  });
}

function withExamples(schemas: Readonly<Record<string, object>>): object {
  const entries = Object.entries(schemas).map(([name, schema]) => {
    const example = EXAMPLES[name];
    return [name, example === undefined ? schema : { ...schema, examples: [example] }];
  });
  return Object.fromEntries(entries) as object;
}
