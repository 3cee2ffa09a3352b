import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  ATTEMPT_KINDS,
  CONDITION_TYPES,
  DECISION_EFFECTS,
  DENY_CODES,
  ENVIRONMENTS,
  type Json,
  type JsonObject,
  LAYERS,
  RULE_EFFECTS,
  SOURCES,
} from '@portcullis/policy/model';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createRequestParser, parseCanonicalRequest } from './request-parser.js';

/** The body of the reference's curl example, to the letter. */
const REFERENCE_BODY = `{
"version": "1.0",
"tenant_id": "acme",
"source": "mcp_proxy",
"agent": {"id": "agent_123", "type": "analyst", "trust_level": 0.82},
"tool": {"id": "tool_789", "name": "financial_db", "operation": "query"},
"context": {"timestamp": "2025-09-12T10:00:00Z", "request_id": "req_abc"},
"intent_risk": {"decision": "REVIEW", "behavioral_signals": [{"signal_type": "scope_violation"}], "risk_dimensions": {"data_exfiltration": 0.7}}
}`;

const parse = createRequestParser();

function reference(): Record<string, Json> {
  return JSON.parse(REFERENCE_BODY) as Record<string, Json>;
}

/** The reference body with members replaced, one level deep. */
function changed(changes: Readonly<Record<string, Json>>): Json {
  const body = reference();
  for (const [name, value] of Object.entries(changes)) {
    const old = body[name];
    const both = [old, value].every((part) => part !== null && typeof part === 'object' && !Array.isArray(part));
    body[name] = both ? { ...(old as JsonObject), ...(value as JsonObject) } : value;
  }
  return body;
}

function without(name: string): Json {
  const { [name]: _dropped, ...rest } = reference();
  return rest;
}

interface SchemaFile {
  readonly properties: Readonly<Record<string, { enum?: readonly string[]; properties?: SchemaFile['properties'] }>>;
}

function schemaFile(name: string): SchemaFile & JsonObject {
  return JSON.parse(readFileSync(new URL(`../schema/${name}.schema.json`, import.meta.url), 'utf8')) as SchemaFile &
    JsonObject;
}

describe('parseCanonicalRequest', () => {
  test('accepts the reference body to the letter, and returns it as it is', () => {
    const body = reference();
    const checked = parseCanonicalRequest(body);
    expect(checked).toEqual({ ok: true, value: JSON.parse(REFERENCE_BODY) });
    expect(checked.ok && checked.value).toBe(body);
  });

  test.each<[string, Json]>([
    ['every extension of the contract', changed({ kind: 'tool_call', user: {}, request: {}, egress: {}, peer: {} })],
    ['free attributes', changed({ agent: { attributes: { anything: [1, { at: 'all' }] } } })],
    ['free arguments', changed({ tool: { arguments: { path: '/srv', nested: { deep: null } } } })],
    ['free risk dimensions', changed({ intent_risk: { risk_dimensions: { invented: -3.5 } } })],
    [
      'free signal details',
      changed({ intent_risk: { behavioral_signals: [{ signal_type: 's', details: { x: 1 } }] } }),
    ],
    ['an offset in the time', changed({ context: { timestamp: '2025-09-12T10:00:00.123+02:00' } })],
    ['members named like methods', changed({ tool: { arguments: { toString: 1, hasOwnProperty: 2 } } })],
  ])('accepts %s', (_name, json) => {
    expect(parse(json)).toMatchObject({ ok: true });
  });

  test.each<[string, Json, string, string, string]>([
    [
      'an unknown member',
      changed({ tenantId: 'x' }),
      'tenantId',
      'ERR_REQUEST_UNKNOWN_FIELD',
      'did you mean "tenant_id"?',
    ],
    [
      'an unknown member below',
      changed({ agent: { trust: 1 } }),
      'agent.trust',
      'ERR_REQUEST_UNKNOWN_FIELD',
      'did you mean "trust_level"?',
    ],
    [
      'an unknown member that resembles none',
      changed({ zzz: 1 }),
      'zzz',
      'ERR_REQUEST_UNKNOWN_FIELD',
      'unknown member "zzz"',
    ],
    ['no agent', without('agent'), 'agent', 'ERR_REQUEST_MISSING_FIELD', 'is required'],
    ['another version', changed({ version: '1.1' }), 'version', 'ERR_REQUEST_VALUE', 'expected "1.0", found "1.1"'],
    ['an unknown source', changed({ source: 'mcp' }), 'source', 'ERR_REQUEST_VALUE', 'did you mean "mcp_proxy"?'],
    ['an unknown kind', changed({ kind: 'toolcall' }), 'kind', 'ERR_REQUEST_VALUE', 'did you mean "tool_call"?'],
    ['an empty tenant', changed({ tenant_id: '' }), 'tenant_id', 'ERR_REQUEST_VALUE', 'must NOT have fewer than 1'],
    ['null for an object', changed({ tool: null }), 'tool', 'ERR_REQUEST_TYPE', 'expected object, found null'],
    ['a list for an object', changed({ tool: [] }), 'tool', 'ERR_REQUEST_TYPE', 'expected object, found a list'],
    [
      'text for a number',
      changed({ agent: { trust_level: '1' } }),
      'agent.trust_level',
      'ERR_REQUEST_TYPE',
      'expected number',
    ],
    ['trust above 1', changed({ agent: { trust_level: 1.01 } }), 'agent.trust_level', 'ERR_REQUEST_VALUE', '<= 1'],
    ['no time', changed({ context: { timestamp: 'now' } }), 'context.timestamp', 'ERR_REQUEST_VALUE', 'date-time'],
    ['port 0', changed({ egress: { port: 0 } }), 'egress.port', 'ERR_REQUEST_VALUE', '>= 1'],
    ['half a port', changed({ egress: { port: 80.5 } }), 'egress.port', 'ERR_REQUEST_TYPE', 'expected integer'],
    [
      'an address that is not text',
      changed({ egress: { resolved_ips: ['10.0.0.1', 7] } }),
      'egress.resolved_ips[1]',
      'ERR_REQUEST_TYPE',
      'expected string, found 7',
    ],
    [
      'too many labels',
      changed({ context: { labels: Array(257).fill('l') } }),
      'context.labels',
      'ERR_REQUEST_VALUE',
      '256',
    ],
    [
      'a long tenant',
      changed({ tenant_id: 't'.repeat(257) }),
      'tenant_id',
      'ERR_REQUEST_VALUE',
      'text of 257 characters',
    ],
    [
      'a signal with a member too many',
      changed({ intent_risk: { behavioral_signals: [{ signal_type: 's', detail: {} }] } }),
      'intent_risk.behavioral_signals[0].detail',
      'ERR_REQUEST_UNKNOWN_FIELD',
      'did you mean "details"?',
    ],
    [
      'a dimension that is text',
      changed({ intent_risk: { risk_dimensions: { a: 'high' } } }),
      'intent_risk.risk_dimensions.a',
      'ERR_REQUEST_TYPE',
      'expected number',
    ],
  ])('refuses %s', (_name, json, path, code, message) => {
    const checked = parse(json);
    expect(checked).toEqual({
      ok: false,
      problems: [{ path, code, message: expect.stringContaining(message) }],
    });
  });

  test.each<[string, Json]>([
    ['null', null],
    ['a list', []],
    ['text', 'x'],
    ['a number', 1],
  ])('refuses %s', (_name, json) => {
    expect(parse(json)).toMatchObject({ ok: false, problems: [{ path: '', code: 'ERR_REQUEST_TYPE' }] });
  });

  test('names everything at once, but never more than 32 problems', () => {
    const few = parse({ version: '1.0' });
    expect(few.ok ? [] : few.problems.map((problem) => problem.path)).toEqual([
      'tenant_id',
      'source',
      'agent',
      'context',
    ]);
    const many = parse(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, index])));
    expect(many.ok ? [] : many.problems).toHaveLength(32);
  });

  test('looks for one problem only in a document of many values, and does so at once', () => {
    const hostile = changed(
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`tenant_id${index}`, index])),
    );
    const startedAt = performance.now();
    expect(parse(hostile)).toMatchObject({ ok: false, problems: [{ path: 'tenant_id0' }] });
    // To look at each value against each other would take minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('does not repeat long values: they are the caller’s data', () => {
    const secret = 's3cr3t'.repeat(20);
    expect(JSON.stringify(parse(changed({ source: secret })))).not.toContain('s3cr3t');
  });

  test('a member that comes from a prototype does not count', () => {
    const inherited = Object.assign(Object.create({ tenant_id: 'acme' }) as object, without('tenant_id')) as Json;
    expect(parse(inherited)).toMatchObject({ ok: false, problems: [{ path: 'tenant_id' }] });
  });
});

describe('the JSON Schemas', () => {
  const request = schemaFile('canonical-request').properties;
  const decision = schemaFile('decision').properties;
  const items = (property: unknown): SchemaFile['properties'] =>
    (property as { items: { properties: SchemaFile['properties'] } }).items.properties;

  test.each<[string, readonly string[] | undefined, readonly string[]]>([
    ['source', request['source']?.enum, SOURCES],
    ['kind', request['kind']?.enum, ATTEMPT_KINDS],
    ['environment', request['context']?.properties?.['environment']?.enum, ENVIRONMENTS],
    ['effect', decision['effect']?.enum, DECISION_EFFECTS],
    ['deny code', items(decision['deny'])['code']?.enum, DENY_CODES],
    ['condition type', items(decision['conditions'])['type']?.enum, CONDITION_TYPES],
    ['rule effect', items(decision['matched'])['effect']?.enum, RULE_EFFECTS],
    ['layer', (schemaFile('decision')['$defs'] as { layer: { enum: string[] } } & JsonObject).layer.enum, LAYERS],
  ])('list the same %s as the model', (_name, listed, members) => {
    expect(listed).toEqual(members);
  });

  test('are schemas: nothing else looks whether that of requests is one', () => {
    const ajv = new Ajv2020({ strict: true, logger: false });
    const request = schemaFile('canonical-request');
    expect(ajv.validateSchema(request)).toBe(true);
    expect(ajv.validateSchema({ ...request, required: 'version' })).toBe(false);
  });

  const accepts = new Ajv2020({ strict: true }).compile(schemaFile('decision'));
  const allow = {
    decision_id: 'd',
    allow: true,
    effect: 'allow',
    deny: [],
    conditions: [{ type: 'mask_fields', value: ['ssn', 'email'] }],
    obligations: [{ type: 'log_intent_signals', value: true }],
    cache: { ttl_seconds: 120, scope: 'agent+tool+operation' },
    matched: [{ policy: 'p', version: '1', layer: 'tenant', effect: 'allow', conditions: ['tool.name'] }],
    diagnostics: { errors: [] },
    meta: {
      policy_version: 'v1.3.2',
      evaluation_ms: 3.4,
      bundle_digest: 'ab'.repeat(32),
      release_seq: 1,
      arm: 'stable',
      engine: 'e',
      cached: false,
    },
    request_digest: 'cd'.repeat(32),
  };
  const reason = { code: 'POLICY_DENIED', message: 'm', path: 'tenant/p', reason_code: 'MINE' };

  test.each([
    ['an allow', allow, true],
    ['a denial', { ...allow, allow: false, effect: 'deny', deny: [reason] }, true],
    ['a hold', { ...allow, allow: false, effect: 'hold', deny: [{ ...reason, code: 'APPROVAL_REQUIRED' }] }, true],
    ['an allow that denies', { ...allow, deny: [reason] }, false],
    ['allow: true with a denial', { ...allow, effect: 'deny', deny: [reason] }, false],
    ['allow: false with an allow', { ...allow, allow: false }, false],
    ['a member too many', { ...allow, extra: 1 }, false],
    ['an unknown condition', { ...allow, conditions: [{ type: 'invented', value: 1 }] }, false],
    ['a digest in capitals', { ...allow, request_digest: 'CD'.repeat(32) }, false],
    ['nothing', {}, false],
  ])('decision: %s', (_name, document, expected) => {
    expect(accepts(document)).toBe(expected);
  });
});
