import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { buildBundle } from '@portcullis/policy';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { encodeReleasePointer, parseReleasePointer } from '@portcullis/policy/trust';
import { requestDigestHex } from '@portcullis/proto';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the digest of a request', () => {
  /** Keys out of order, numbers and characters that RFC 8785 has rules for. */
  const request: CanonicalRequest = {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'bot', trust_level: 0.5 },
    tool: {
      server: 'files',
      name: 'write_file',
      operation: 'tools/call',
      arguments: {
        path: '/workspace/r\u00e9sum\u00e9.txt',
        '\u00e9': 1,
        z: -0,
        a: 1e21,
        B: 0.1,
        '\u{1f600}': [true, null, 'line\nbreak "quoted" \\ \u0007'],
        '\ufb33': 1e-7,
      },
    },
    context: { timestamp: '2026-01-02T03:04:05.678Z', request_id: '00000000-0000-4000-8000-000000000001' },
  };
  /** Written by hand from RFC 8785: keys in the order of UTF-16 code units, numbers as ECMAScript writes them. */
  const canonical =
    '{"agent":{"id":"bot","trust_level":0.5},' +
    '"context":{"request_id":"00000000-0000-4000-8000-000000000001","timestamp":"2026-01-02T03:04:05.678Z"},' +
    '"kind":"tool_call","source":"mcp_proxy","tenant_id":"acme",' +
    '"tool":{"arguments":{"B":0.1,"a":1e+21,"path":"/workspace/r\u00e9sum\u00e9.txt","z":0,"\u00e9":1,' +
    '"\u{1f600}":[true,null,"line\\nbreak \\"quoted\\" \\\\ \\u0007"],"\ufb33":1e-7},' +
    '"name":"write_file","operation":"tools/call","server":"files"},"version":"1.0"}';
  const digest = 'a39485224f3602db83ebcd0d3d9dcfa14ec04b90b58946b9f83b42124fe1b211';

  test('is that of the RFC 8785 form', () => {
    expect(sha256(utf8(canonical))).toBe(digest);
    expect(requestDigestHex(request)).toBe(digest);
  });
});

describe('the bytes of a bundle', () => {
  const source = new Map([
    [
      'bundle.yaml',
      utf8(`format: portcullis.policy/1
name: pinned
version: 1.2.3
default: deny
sets:
  - { name: base, layer: platform, combining: priority, priority_order: desc, policies: base }
  - { name: acme, layer: tenant, tenant: acme, combining: deny_overrides, priority_order: asc, policies: acme }
`),
    ],
    ['base/allow.yaml', utf8('name: Allow reading\non: [tool_call]\nwhen: always\neffect: allow\npriority: 10\n')],
    [
      'acme/deny.json',
      utf8(
        JSON.stringify([
          {
            name: 'No secrets',
            when: { field: 'tool.arguments.path', operator: 'regex_match', value: 'secret' },
            effect: { type: 'deny', deny_reason_code: 'SECRET', deny_user_message: 'Not for agents.' },
            priority: 90,
            status: 'active',
            created_at: '2026-01-01T00:00:00Z',
          },
        ]),
      ),
    ],
  ]);

  test('are the same for the same source', async () => {
    const built = await buildBundle(source);
    if (!built.ok) throw new Error(JSON.stringify(built.problems));
    const { bytes } = built.value;
    // What is packed, first: when only the digest below differs, the deflate of another zlib made it.
    expect(sha256(gunzipSync(bytes))).toBe('d33a9a8e0a4f798a10d2089193d915fe44cd41f6b117d86fae5bb3c424b7896f');
    expect(built.value.sha256).toBe('39ae955554166dd41dfa9fdc36bbaea4f3ea4ecdbae3ba9cc4cd47566bd6c232');
    expect(sha256(bytes)).toBe('39ae955554166dd41dfa9fdc36bbaea4f3ea4ecdbae3ba9cc4cd47566bd6c232');
  });
});

describe('the bytes of a release pointer', () => {
  const digest = 'ab'.repeat(32);
  const text =
    '{"_type":"portcullis.release/1","env":"prod","channel":"default","seq":8,' +
    '"issued_at":"2026-01-02T03:04:05.000Z","not_after":"2026-02-01T03:04:05.000Z",' +
    '"stable":{"target":"bundles/abababababababababababababababababababababababababababababababab.tar.gz",' +
    '"sha256":"abababababababababababababababababababababababababababababababab","policy_version":"1.2.3"},' +
    '"candidate":null,"rollout":null,"activation":{"min_acks":0.5},"rollback_of":7,"reason":"error budget",' +
    '"actor":"spiffe://example.org/publisher/ci"}';

  test('are its JSON, members in the order they are given', () => {
    const bytes = encodeReleasePointer({
      _type: 'portcullis.release/1',
      env: 'prod',
      channel: 'default',
      seq: 8,
      issued_at: '2026-01-02T03:04:05.000Z',
      not_after: '2026-02-01T03:04:05.000Z',
      stable: { target: `bundles/${digest}.tar.gz`, sha256: digest, policy_version: '1.2.3' },
      candidate: null,
      rollout: null,
      activation: { min_acks: 0.5 },
      rollback_of: 7,
      reason: 'error budget',
      actor: 'spiffe://example.org/publisher/ci',
    });
    expect(new TextDecoder().decode(bytes)).toBe(text);
    expect(parseReleasePointer(utf8(text))).toMatchObject({ ok: true, value: { seq: 8, rollback_of: 7 } });
  });
});
