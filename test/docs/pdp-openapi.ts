import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formattedJson } from './formatted-json.js';
import type { Page } from './page.js';

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: object): object => ({ 'application/json': { schema } });

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
    },
  },
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
        ...Object.fromEntries(
          refusals.map(([status, description]) => [
            status,
            { description, content: { 'application/problem+json': { schema: ref('Problem') } } },
          ]),
        ),
      },
    },
  };
}

/** `docs/reference/pdp-openapi.json`: the HTTPS endpoint of the PDP, with the schemas that it checks against. */
export function pdpOpenapi(root: string): Page {
  const schemaOf = (name: string): unknown =>
    JSON.parse(readFileSync(join(root, 'proto', 'schema', `${name}.schema.json`), 'utf8'));
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
      },
      schemas: {
        CanonicalRequest: schemaOf('canonical-request'),
        Decision: schemaOf('decision'),
        Problem: PROBLEM,
        ...AUTHZEN,
      },
    },
  });
}
