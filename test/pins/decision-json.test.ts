import { describe, expect, test } from '@jest/globals';
import type { Decision } from '@portcullis/policy/model';
import { fromWireDecision, loadDecisionService, toWireDecision } from '@portcullis/proto';

/** A decision with every part filled in, as `POST`, logs and evidence show it: seed 004 §7.5 and its extensions. */
const DENIED = `{
  "decision_id": "00000000-0000-4000-8000-000000000001",
  "allow": false,
  "effect": "deny",
  "deny": [
    {
      "code": "POLICY_DENIED",
      "message": "Only files below the workspace folder may be read.",
      "path": "platform/files-stay-in-the-workspace",
      "reason_code": "PATH_OUTSIDE_WORKSPACE"
    },
    {
      "code": "POLICY_ERROR",
      "message": "the policy \\"Size\\" could not be evaluated for this request",
      "path": "tenant/size"
    }
  ],
  "conditions": [
    { "type": "max_tokens", "value": 1024 },
    { "type": "mask_fields", "value": ["user.email", "résumé"] }
  ],
  "obligations": [{ "type": "notify", "value": { "channel": "security", "urgent": true } }],
  "cache": { "ttl_seconds": 30, "scope": "tool.server,tool.name" },
  "matched": [
    {
      "policy": "files-stay-in-the-workspace",
      "version": "1.2.3",
      "layer": "platform",
      "effect": "deny",
      "conditions": ["tool.server", "tool.arguments.path"]
    },
    { "policy": "watch", "version": "1.2.3", "layer": "workspace", "effect": "log_only", "conditions": [] }
  ],
  "diagnostics": {
    "errors": [
      { "policy": "size", "layer": "tenant", "path": "when.conditions[1]", "message": "expected a number, found a text" }
    ]
  },
  "meta": {
    "policy_version": "1.2.3",
    "evaluation_ms": 0.125,
    "bundle_digest": "abababababababababababababababababababababababababababababababab",
    "release_seq": 8,
    "arm": "candidate",
    "engine": "portcullis/0.1.0",
    "cached": false
  },
  "request_digest": "a39485224f3602db83ebcd0d3d9dcfa14ec04b90b58946b9f83b42124fe1b211"
}`;

/** The smallest allow. */
const ALLOWED = `{
  "decision_id": "00000000-0000-4000-8000-000000000002",
  "allow": true,
  "effect": "allow",
  "deny": [],
  "conditions": [],
  "obligations": [],
  "cache": { "ttl_seconds": 0, "scope": "" },
  "matched": [],
  "diagnostics": { "errors": [] },
  "meta": {
    "policy_version": "1.2.3",
    "evaluation_ms": 0.5,
    "bundle_digest": "abababababababababababababababababababababababababababababababab",
    "release_seq": 8,
    "arm": "stable",
    "engine": "portcullis/0.1.0",
    "cached": true
  },
  "request_digest": "a39485224f3602db83ebcd0d3d9dcfa14ec04b90b58946b9f83b42124fe1b211"
}`;

/** What went over the wire for them, `content_digest` included, in base64. */
const WIRE = {
  denied:
    'CrcFCiQwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEQAhp0CAESMk9ubHkgZmlsZXMgYmVsb3cgdGhlIHdvcmtz' +
    'cGFjZSBmb2xkZXIgbWF5IGJlIHJlYWQuGiRwbGF0Zm9ybS9maWxlcy1zdGF5LWluLXRoZS13b3Jrc3BhY2UiFlBBVEhfT1VUU0lE' +
    'RV9XT1JLU1BBQ0UaSggEEjl0aGUgcG9saWN5ICJTaXplIiBjb3VsZCBub3QgYmUgZXZhbHVhdGVkIGZvciB0aGlzIHJlcXVlc3Qa' +
    'C3RlbmFudC9zaXplIggICBIEMTAyNCIdCAISGVsidXNlci5lbWFpbCIsInLDqXN1bcOpIl0qLgoGbm90aWZ5EiR7ImNoYW5uZWwi' +
    'OiJzZWN1cml0eSIsInVyZ2VudCI6dHJ1ZX0wHjoVdG9vbC5zZXJ2ZXIsdG9vbC5uYW1lQkoKG2ZpbGVzLXN0YXktaW4tdGhlLXdv' +
    'cmtzcGFjZRIFMS4yLjMYASACKgt0b29sLnNlcnZlcioTdG9vbC5hcmd1bWVudHMucGF0aEISCgV3YXRjaBIFMS4yLjMYAyADSj0K' +
    'BHNpemUQAhoSd2hlbi5jb25kaXRpb25zWzFdIh9leHBlY3RlZCBhIG51bWJlciwgZm91bmQgYSB0ZXh0UgUxLjIuM1kAAAAAAADA' +
    'P2JAYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmgIcAJ6EHBv' +
    'cnRjdWxsaXMvMC4xLjCAAQCKASCjlIUiTzYC24PrzQ09nc+hTsBLkLWJRrn4O0IST+GyEZIBCAgIEAMYAiABmgEgik0GhK8WxmZF' +
    '4e9/upW5SiESotjnPl4C1g4ZAE3tlF8=',
  allowed:
    'CugBCiQwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDIQATAAOgBSBTEuMi4zWQAAAAAAAOA/YkBhYmFiYWJhYmFi' +
    'YWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiaAhwAXoQcG9ydGN1bGxpcy8wLjEu' +
    'MIABAYoBIKOUhSJPNgLbg+vNDT2dz6FOwEuQtYlGufg7QhJP4bIRkgEICAgQAxgCIAGaASAePy02o0XYnZqy0+RTSsPEx+eXVBVx' +
    'x1RHH6yAQ4yKEQ==',
} as const;

const EPOCHS = { release_seq: 8, trust: 3, labels: 2, kill: 1 } as const;

describe.each([
  ['a denial', DENIED, WIRE.denied],
  ['an allow', ALLOWED, WIRE.allowed],
])('%s', (_name, json, wire) => {
  const { responseSerialize, responseDeserialize } = loadDecisionService().Evaluate;

  test('is written as these bytes', () => {
    const decision = JSON.parse(json) as Decision;
    expect(responseSerialize({ decision: toWireDecision(decision, EPOCHS) }).toString('base64')).toBe(wire);
  });

  test('is read from these bytes, member by member in this order', () => {
    const { decision } = responseDeserialize(Buffer.from(wire, 'base64'));
    const read = fromWireDecision(decision ?? {});
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    expect(read.value.epochs).toEqual(EPOCHS);
    expect(JSON.stringify(read.value.decision)).toBe(JSON.stringify(JSON.parse(json)));
  });
});
