/** Gateways and sidecars are different services with a table of MCP methods each; what they make of a message is one. */
import { describe, expect, test } from '@jest/globals';
import { MCP_METHODS } from '@portcullis/pdp';
import type { JsonObject } from '@portcullis/policy/model';
import { methodTable } from '@portcullis/sidecar';

const SAMPLES: readonly JsonObject[] = [
  {},
  { ref: { type: 'ref/resource', uri: 'a:b' } },
  { ref: { type: 'ref/prompt', name: 'p' } },
  { notifications: { resourceSubscriptions: ['a:b'] } },
  { notifications: { resourceSubscriptions: [] } },
  { notifications: { resourceSubscriptions: 'a:b' } },
];

const said = methodTable('client_to_server');
type Kind = Parameters<typeof kindsOf>[0];

function kindsOf(kind: string | ((params: JsonObject) => string)): readonly string[] {
  return SAMPLES.map((params) => (typeof kind === 'string' ? kind : kind(params)));
}

describe('what a client of MCP may say', () => {
  test('is the same to a gateway and to a sidecar', () => {
    const ours = [...MCP_METHODS].map(([method, row]) => ({
      method,
      shape: row.isNotification === true ? 'notification' : 'request',
      eras: row.era === undefined ? ['legacy', 'modern'] : [row.era],
      kinds: kindsOf(row.kind as Kind),
      name: row.name,
      args: row.hasArguments === true ? 'arguments' : 'params',
    }));
    const theirs = [...said].map(([method, row]) => ({
      method,
      shape: row.shape,
      eras: [...row.eras],
      kinds: kindsOf(row.kind as Kind),
      name: row.name?.field,
      args: row.args,
    }));
    expect(ours).toEqual(theirs);
  });
});
