import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import {
  ATTEMPT_KINDS,
  type CanonicalRequest,
  type Checked,
  ENVIRONMENTS,
  type Json,
  type JsonObject,
  SOURCES,
} from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { loadDecisionService } from '../decision-service.js';
import { createRequestParser } from '../request-parser.js';
import type * as Wire from '../wire.js';
import { fromWireRequest, toWireRequest } from './canonical-request.js';
import { canonicalText } from './canonical-text.js';
import { requestDigest } from './request-digest.js';

const service = loadDecisionService();

const text = fc.string({ unit: 'binary', maxLength: 12 });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const memberName = fc
  .oneof(text, fc.constantFrom('1', '10', '9', 'length', 'toString', 'hasOwnProperty', 'toJSON'))
  .filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key));
// What the strict parser yields: finite, and no integer that another reader could round; -0 and 0 are one JSON number.
const number = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21)
  .map((value) => value + 0);
const amount = fc.double({ noNaN: true, min: 0, max: 1e9 }).map((value) => value + 0);

const { json } = fc.letrec<{ json: Json; object: JsonObject }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(memberName, tie('json'), { maxKeys: 4, noNullPrototype: true }),
}));
const object: fc.Arbitrary<JsonObject> = fc.dictionary(memberName, json, { maxKeys: 4, noNullPrototype: true });

const optional: { requiredKeys: never[] } = { requiredKeys: [] };

/** Every field of the model, each present or absent. */
const requests: fc.Arbitrary<CanonicalRequest> = fc
  .record(
    {
      version: fc.constant('1.0' as const),
      tenant_id: name,
      source: fc.constantFrom(...SOURCES),
      kind: fc.constantFrom(...ATTEMPT_KINDS),
      agent: fc.record(
        {
          id: name,
          type: text,
          trust_level: fc.double({ noNaN: true, min: 0, max: 1 }).map((v) => v + 0),
          attributes: object,
        },
        { requiredKeys: ['id'] },
      ),
      tool: fc.record(
        {
          id: text,
          name: text,
          operation: text,
          server: text,
          arguments: object,
          definition_digest: text,
          attributes: object,
        },
        optional,
      ),
      user: fc.record({ id: text, email: text, role: text, team: text, attributes: object }, optional),
      request: fc.record(
        {
          action: text,
          model: text,
          model_provider: text,
          model_endpoint: text,
          estimated_tokens: amount,
          max_tokens: amount,
          stream: fc.boolean(),
          query: text,
          output: text,
        },
        optional,
      ),
      egress: fc.record(
        {
          scheme: text,
          host: text,
          port: fc.integer({ min: 1, max: 65535 }),
          method: text,
          path: text,
          resolved_ips: fc.array(text, { maxLength: 3 }),
          bytes: amount,
        },
        optional,
      ),
      peer: fc.record({ agent_id: text, skill: text, url: text }, optional),
      context: fc.record(
        {
          timestamp: fc
            .date({ min: new Date('1970-01-01'), max: new Date('2099-01-01'), noInvalidDate: true })
            .map((date) => date.toISOString()),
          request_id: name,
          environment: fc.constantFrom(...ENVIRONMENTS),
          ip: text,
          session_id: text,
          workspace_id: text,
          tenant_id: text,
          data_classification: text,
          labels: fc.array(text, { maxLength: 3 }),
          store: text,
          delegation: object,
          approval: object,
          task: object,
          attributes: object,
        },
        { requiredKeys: ['timestamp', 'request_id'] },
      ),
      intent_risk: fc.record(
        {
          decision: fc.constantFrom('ALLOW' as const, 'REVIEW' as const, 'BLOCK' as const),
          explanation: text,
          behavioral_signals: fc.array(
            fc.record({ signal_type: text, details: object }, { requiredKeys: ['signal_type'] }),
            { maxLength: 3 },
          ),
          risk_dimensions: fc.dictionary(memberName, number, { maxKeys: 3, noNullPrototype: true }),
        },
        optional,
      ),
    },
    { requiredKeys: ['version', 'tenant_id', 'source', 'agent', 'context'] },
  )
  // As a parser yields it: fast-check varies prototypes, which JSON does not have.
  .map((request) => JSON.parse(JSON.stringify(request)) as CanonicalRequest);

const SAMPLE: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  kind: 'tool_call',
  agent: { id: 'agent_123', trust_level: 0.82, attributes: { region: 'eu' } },
  tool: {
    name: 'read_file',
    server: 'files',
    operation: 'tools/call',
    arguments: { path: '/srv/data', deep: [1, {}] },
  },
  context: { timestamp: '2025-09-12T10:00:00Z', request_id: 'req_abc', environment: 'prod', labels: [] },
  intent_risk: {
    decision: 'REVIEW',
    behavioral_signals: [{ signal_type: 's' }],
    risk_dimensions: { exfiltration: 0.7 },
  },
};

function encode(request: CanonicalRequest): Buffer {
  return service.Evaluate.requestSerialize({ request: toWireRequest(request), request_digest: requestDigest(request) });
}

function transport(request: CanonicalRequest): Wire.CanonicalRequest__Output {
  return service.Evaluate.requestDeserialize(encode(request)).request ?? {};
}

/** What a PDP does with a question: decode, hash what was decoded, compare. */
function ask(bytes: Buffer): Checked<CanonicalRequest> {
  const message = service.Evaluate.requestDeserialize(bytes);
  const checked = fromWireRequest(message.request ?? {});
  if (!checked.ok) return checked;
  const fits = requestDigest(checked.value).equals(message.request_digest ?? Buffer.alloc(0));
  return fits ? checked : { ok: false, problems: [] };
}

describe('the codec of the canonical request', () => {
  test('is lossless for every request, digest included', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const checked = fromWireRequest(transport(request));
        if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
        // Strict: an absent member must not come back as `undefined`.
        expect(checked.value).toStrictEqual(request);
        expect(requestDigest(checked.value)).toEqual(requestDigest(request));
      }),
      { numRuns: 500 },
    );
  });

  test('agrees with the JSON Schema: what one carries, the other accepts', () => {
    const parse = createRequestParser();
    fc.assert(
      fc.property(requests, (request) => {
        expect(parse(JSON.parse(JSON.stringify(request)) as Json)).toStrictEqual({ ok: true, value: request });
      }),
      { numRuns: 200 },
    );
  });

  // Oracle: a damaged question is refused, or what was decoded is the very request that was sent (damage that protobuf
  // reads as the same message, such as a longer length prefix). It never becomes another request with a fitting digest.
  test('turns no damaged byte into another request', () => {
    const bytes = encode(SAMPLE);
    let accepted = 0;
    for (let offset = 0; offset < bytes.length; offset += 1) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 3, 255]) {
        const damaged = Buffer.from(bytes);
        damaged[offset] = (damaged[offset] ?? 0) ^ mask;
        let checked: Checked<CanonicalRequest>;
        try {
          checked = ask(damaged);
        } catch {
          continue; // Not protobuf any more.
        }
        if (!checked.ok) continue;
        accepted += 1;
        if (!isDeepStrictEqual(checked.value, SAMPLE)) {
          throw new Error(`byte ${offset} ^ ${mask} became ${JSON.stringify(checked.value)}`);
        }
      }
    }
    // Some damage is without meaning; if most of it were, the test would prove nothing.
    expect(accepted).toBeLessThan(bytes.length);
  });

  test.each<[string, (message: Record<string, unknown>) => void, string, string]>([
    ['no version', (m) => delete m['version'], 'version', 'ERR_WIRE_MISSING'],
    ['another version', (m) => Object.assign(m, { version: '2.0' }), 'version', 'ERR_WIRE_MISSING'],
    ['no tenant', (m) => delete m['tenant_id'], 'tenant_id', 'ERR_WIRE_MISSING'],
    ['an empty tenant', (m) => Object.assign(m, { tenant_id: '' }), 'tenant_id', 'ERR_WIRE_MISSING'],
    ['no source', (m) => delete m['source'], 'source', 'ERR_WIRE_MISSING'],
    ['an unspecified source', (m) => Object.assign(m, { source: 'SOURCE_UNSPECIFIED' }), 'source', 'ERR_WIRE_ENUM'],
    ['an unknown source', (m) => Object.assign(m, { source: 77 }), 'source', 'ERR_WIRE_ENUM'],
    ['an unknown kind', (m) => Object.assign(m, { kind: 77 }), 'kind', 'ERR_WIRE_ENUM'],
    ['no agent id', (m) => Object.assign(m, { agent: {} }), 'agent.id', 'ERR_WIRE_MISSING'],
    [
      'a trust level that is not a number',
      (m) => Object.assign(m, { agent: { id: 'a', trust_level: Number.NaN } }),
      'agent.trust_level',
      'ERR_WIRE_NUMBER',
    ],
    [
      'arguments that are a list',
      (m) => Object.assign(m, { tool: { arguments_json: Buffer.from('[]') } }),
      'tool.arguments',
      'ERR_WIRE_JSON',
    ],
    [
      'arguments that are empty bytes',
      (m) => Object.assign(m, { tool: { arguments_json: Buffer.alloc(0) } }),
      'tool.arguments',
      'ERR_WIRE_JSON',
    ],
    [
      'arguments with a duplicate member',
      (m) => Object.assign(m, { tool: { arguments_json: Buffer.from('{"path":"/a","path":"/b"}') } }),
      'tool.arguments',
      'ERR_WIRE_JSON',
    ],
    ['a tool name that is not text', (m) => Object.assign(m, { tool: { name: 7 } }), 'tool.name', 'ERR_WIRE_TYPE'],
    [
      'labels that are not text',
      (m) => Object.assign(m, { context: { ...(m['context'] as object), labels: { values: [1] } } }),
      'context.labels',
      'ERR_WIRE_TYPE',
    ],
    [
      'an unknown environment',
      (m) => Object.assign(m, { context: { ...(m['context'] as object), environment: 77 } }),
      'context.environment',
      'ERR_WIRE_ENUM',
    ],
    [
      'a signal without a type',
      (m) => Object.assign(m, { intent_risk: { behavioral_signals_json: Buffer.from('[{}]') } }),
      'intent_risk.behavioral_signals',
      'ERR_WIRE_JSON',
    ],
    [
      'a signal with a member too many',
      (m) =>
        Object.assign(m, { intent_risk: { behavioral_signals_json: Buffer.from('[{"signal_type":"a","extra":1}]') } }),
      'intent_risk.behavioral_signals',
      'ERR_WIRE_JSON',
    ],
    [
      'a dimension that is text',
      (m) => Object.assign(m, { intent_risk: { risk_dimensions_json: Buffer.from('{"a":"high"}') } }),
      'intent_risk.risk_dimensions',
      'ERR_WIRE_JSON',
    ],
  ])('refuses %s', (_name, damage, path, code) => {
    const message = transport(SAMPLE);
    damage(message as Record<string, unknown>);
    const checked = fromWireRequest(message);
    expect(checked).toEqual({ ok: false, problems: [expect.objectContaining({ path, code })] });
  });

  test('arrives with its members in the order of the canonical text, which then needs no sorting', () => {
    const empty = { tool: {}, user: {}, request: {}, egress: {}, peer: {}, intent_risk: {} };
    const agent = { id: 'a', type: 't', trust_level: 1, attributes: { a: 1 } };
    const context = {
      timestamp: '2026-01-01T00:00:00Z',
      request_id: 'r',
      environment: 'prod',
      ip: 'i',
      store: 's',
    } as const;
    const tool = { id: 'i', server: 's', operation: 'o', name: 'n', arguments: { a: 1 } };
    const whole = {
      version: '1.0',
      tenant_id: 't',
      source: 'sdk',
      kind: 'a2a',
      ...empty,
      agent,
      context,
      tool,
    } as const;
    const checked = fromWireRequest(transport(whole));
    expect(checked.ok && JSON.stringify(checked.value)).toBe(canonicalText(whole));
  });

  test('names everything that is wrong at once', () => {
    const checked = fromWireRequest({});
    expect(checked.ok ? [] : checked.problems.map((problem) => problem.path)).toEqual([
      'version',
      'agent',
      'context',
      'tenant_id',
      'source',
      'agent.id',
      'context.timestamp',
      'context.request_id',
    ]);
  });
});

describe('requestDigest', () => {
  test('is SHA-256 over the RFC 8785 form', () => {
    const request: CanonicalRequest = {
      version: '1.0',
      tenant_id: 't€',
      source: 'sdk',
      context: { request_id: 'r', timestamp: '2025-01-01T00:00:00Z' },
      agent: { id: 'a', trust_level: 1 },
    };
    // printf '%s' '{"agent":{"id":"a","trust_level":1},"context":{"request_id":"r","timestamp":"2025-01-01T00:00:00Z"},"source":"sdk","tenant_id":"t€","version":"1.0"}' | sha256sum
    expect(requestDigest(request).toString('hex')).toBe(
      'f2f7d5c87aea507ecab8d46008407856dbf01dd4deed32bb417b21cb98571e9a',
    );
  });

  test.each<[string, JsonObject, string]>([
    ['a lone surrogate', { a: '\ud800' }, 'surrogate'],
    ['NaN', { a: Number.NaN }, 'NaN'],
    ['infinity', { a: Number.POSITIVE_INFINITY }, 'Infinity'],
  ])('throws for %s, so that it is never sent', (_name, args, message) => {
    expect(() => requestDigest({ ...SAMPLE, tool: { arguments: args } })).toThrow(message);
  });
});
