/** A body for every schema that is sent or answered; a test holds each against its schema. */

const ID = '0b0f6a9e-5a0c-4a3b-9d2e-3a1f0c5e7d11';
const DIGEST = '9c1e'.repeat(16);
const need = { hold: 'tenant/payments/large', type: 'require_approval', role: 'treasurer', quorum: 1 };
const analyst = { type: 'agent', id: 'analyst' };
const call = { name: 'tools/call', properties: { path: '/workspace/plan.txt' } };
const file = { type: 'tool', id: 'read_file', properties: { server: 'files' } };
const context = { candidates: 'catalogue', policy_version: '1.4.0', release_seq: 17 };
const review = {
  id: '0b0f6a9e-2f0e-4d0e-9a57-3b1f6c1d2e3f',
  tenant: 'acme',
  agent: 'analyst',
  server: 'payments',
  tool: 'transfer',
  operation: 'tools/call',
  request_digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  asked: [{ policy: 'tenant/payments/large', reason: 'a large amount' }],
  opened_at: '2026-11-22T12:00:00.000Z',
  told: ['ops'],
};
const approval = {
  id: ID,
  state: 'approved',
  tenant: 'acme',
  agent: 'analyst',
  request: { tool: 'pay', arguments: { amount: 120 } },
  binding: DIGEST,
  bundle_digest: DIGEST,
  release_seq: 17,
  needs: [need],
  votes: [
    { person: 'vera', says: 'approve', holds: [need.hold], comment: 'invoice 4711', at: '2026-11-22T12:00:00.000Z' },
  ],
  created_at: '2026-11-22T11:00:00.000Z',
  expires_at: '2026-11-22T13:00:00.000Z',
};
const grant = {
  id: ID,
  state: 'active',
  tenant: 'acme',
  agent: 'analyst',
  target: { tool: 'pay', digest: DIGEST },
  needs: [need],
  arguments: { currency: DIGEST },
  vary: ['amount'],
  count: 20,
  used: 3,
  budget: { argument: 'amount', limit: 5000, spent: 360 },
  created_by: 'vera',
  approval: ID,
  created_at: '2026-11-22T11:00:00.000Z',
  expires_at: '2026-12-22T11:00:00.000Z',
};
const denied = {
  decision: false,
  context: {
    evaluation_id: ID,
    effect: 'deny',
    reasons: [{ code: 'POLICY_DENIED', message: 'no', path: 'platform/x' }],
  },
};

/** By the name of the schema. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  CanonicalRequest: {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    agent: { id: 'agent_123', type: 'analyst', trust_level: 0.82 },
    tool: { id: 'tool_789', name: 'financial_db', operation: 'query' },
    context: { timestamp: '2025-09-12T10:00:00Z', request_id: 'req_abc' },
  },
  Decision: {
    decision_id: ID,
    allow: true,
    effect: 'allow',
    deny: [],
    conditions: [],
    obligations: [],
    cache: { ttl_seconds: 0, scope: '' },
    matched: [{ policy: 'files', version: '1.0.0', layer: 'platform', effect: 'allow', conditions: [] }],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1.4.0',
      evaluation_ms: 0.2,
      bundle_digest: DIGEST,
      release_seq: 17,
      arm: 'stable',
      engine: 'portcullis/1',
      cached: false,
    },
    request_digest: DIGEST,
  },
  Problem: {
    type: 'about:blank',
    title: 'There is no such thing',
    status: 404,
    code: 'ERR_APPROVAL_UNKNOWN',
    detail: 'there is no such approval',
  },
  AuthzenEvaluation: { subject: analyst, action: call, resource: file, context: { environment: 'prod' } },
  AuthzenEvaluations: {
    subject: analyst,
    action: call,
    options: { evaluations_semantic: 'deny_on_first_deny' },
    evaluations: [{ resource: file }, { resource: { ...file, id: 'write_file' } }],
  },
  AuthzenDecision: denied,
  AuthzenDecisions: { evaluations: [{ decision: true, context: { effect: 'allow' } }, denied] },
  AuthzenMetadata: {
    policy_decision_point: 'https://pdp.example.com',
    access_evaluation_endpoint: 'https://pdp.example.com/access/v1/evaluation',
    access_evaluations_endpoint: 'https://pdp.example.com/access/v1/evaluations',
    search_subject_endpoint: 'https://pdp.example.com/access/v1/search/subject',
  },
  AuthzenSubjectSearch: { subject: { type: 'agent' }, action: call, resource: file, page: { limit: 20 } },
  AuthzenResourceSearch: { subject: analyst, action: { name: 'tools/call' }, resource: { type: 'tool' } },
  AuthzenActionSearch: { subject: analyst, resource: file },
  AuthzenSubjects: {
    page: { next_token: '', count: 1 },
    context: { ...context, candidates: 'registry' },
    results: [analyst],
  },
  AuthzenResources: {
    page: { next_token: 'b3BhcXVl', count: 1 },
    context: { ...context, undecided: 2 },
    results: [file],
  },
  AuthzenActions: {
    page: { next_token: '', count: 1 },
    context: { ...context, candidates: 'protocol' },
    results: [{ name: 'tools/call' }],
  },
  AccessRequest: {
    subject: analyst,
    action: call,
    resource: file,
    context: { environment: 'prod', business_justification: 'invoice 4711' },
    denial: { binding_token: 'b3BhcXVl', expires_at: '2026-11-22T13:00:00.000Z' },
  },
  AccessRequestTask: {
    task: {
      id: ID,
      status: 'approved',
      status_endpoint: `https://pdp.example.com/access/v1/requests/${ID}`,
      expires_at: '2026-11-22T13:00:00.000Z',
    },
    result: { mode: 'reevaluate', approval: { id: ID, approved_until: '2026-11-22T13:00:00.000Z' } },
  },
  Approval: approval,
  Approvals: { approvals: [approval] },
  Comment: { comment: 'invoice 4711' },
  Grant: grant,
  Grants: { grants: [grant] },
  GrantPreview: {
    approval: ID,
    agent: 'analyst',
    target: DIGEST,
    since: '2026-11-15T12:00:00.000Z',
    until: '2026-11-22T12:00:00.000Z',
    records: {
      from: '2026-11-19T08:12:00.000Z',
      complete: false,
      why: 'earlier records were removed from this decision point',
      looked_at: 48_210,
    },
    checked: ['tenant', 'agent', 'target', 'definition', 'needs'],
    unchecked: [
      {
        term: 'arguments',
        why: 'records hold one digest of all arguments: whether only those differ that may vary is not known',
      },
    ],
    covered: { held: 3, denied: 0, allowed: 1 },
    beyond_count: 0,
    possible: { held: 5, denied: 1, allowed: 0 },
    days: [
      {
        day: '2026-11-22',
        covered: { held: 3, denied: 0, allowed: 1 },
        possible: { held: 5, denied: 1, allowed: 0 },
      },
    ],
    examples: [
      {
        decision_id: ID,
        at: '2026-11-22T11:58:00.000Z',
        ended: 'held',
        certain: true,
        deny: ['APPROVAL_REQUIRED'],
        release_seq: 17,
      },
    ],
  },
  GrantWish: {
    approval: ID,
    count: 20,
    expires_seconds: 2_592_000,
    vary: ['amount'],
    budget: { argument: 'amount', limit: 5000 },
  },
  KillState: { env: 'prod', seq: 3, lists: ['eyJzaWduZWQiOnt9fQ=='], targets: null },
  Review: review,
  Reviews: { reviews: [review] },
  ReviewNote: { note: 'Looked at with the owner of the account; as it should be.' },
  QuotaUsage: {
    shared: true,
    quotas: [
      {
        quota: 'tenant/limits/requests',
        kind: 'requests',
        account: { tenant: 'acme', agent: 'analyst' },
        unit: 'requests',
        limit: 100,
        window_seconds: 60,
        used: 12,
        resets_at: '2026-11-22T12:01:00.000Z',
      },
    ],
  },
};
