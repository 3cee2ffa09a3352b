import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { expect, test } from '@jest/globals';
import { LOADER_OPTIONS } from './decision-service.js';

const SCOPE = 'agentgateway.dev.ext_mcp';
const definitions = loadSync('gateways/ext_mcp.proto', {
  ...LOADER_OPTIONS,
  includeDirs: [fileURLToPath(new URL('..', import.meta.url))],
});

/**
 * What agentgateway's own definition says: crates/protos/proto/ext_mcp.proto of https://github.com/agentgateway/agentgateway at
 * 75b4e6ce6e0e1ac7959d5548ebe8dbeaede4f180, SHA-256
 * 4ba750cca44e9ba68de2ad04e6d507b67f44b1728f09840b78d9e32f3f563584.
 * By message: number, label, type and name of each field.
 */
const THEIRS: Readonly<Record<string, readonly string[]>> = {
  McpRequest: [
    '1 repeated string service_names',
    '2 optional string method',
    '3 optional google.protobuf.Struct metadata_context',
    '4 optional bytes mcp_request',
    '5 repeated McpHeader headers',
  ],
  McpResponse: [
    '1 repeated string service_names',
    '2 optional string method',
    '3 optional google.protobuf.Struct metadata_context',
    '4 optional bytes mcp_response',
  ],
  McpRequestResult: [
    '1 optional Pass pass',
    '2 optional bytes mutated',
    '3 optional AuthorizationError error',
    '4 optional HeaderMutation header_mutation',
    '5 optional google.protobuf.Struct metadata',
  ],
  McpResponseResult: ['1 optional Pass pass', '2 optional bytes mutated', '3 optional AuthorizationError error'],
  McpHeader: ['1 optional string key', '2 optional bytes value'],
  Pass: [],
  AuthorizationError: ['1 optional Code code', '2 optional string reason', '3 optional bytes mcp_error'],
};
const CODES = { UNKNOWN: 0, PERMISSION_DENIED: 1, RESOURCE_EXHAUSTED: 2, INVALID: 3 };
/** What of theirs ours leaves out: changes to a call, which the decision point does not make, and results, which it does not judge. */
const LEFT_OUT = [
  'McpResponse 4 optional bytes mcp_response',
  'McpRequestResult 2 optional bytes mutated',
  'McpRequestResult 4 optional HeaderMutation header_mutation',
  'McpRequestResult 5 optional google.protobuf.Struct metadata',
  'McpResponseResult 2 optional bytes mutated',
];

interface Member {
  readonly name: string;
  readonly number: number;
}

interface Descriptor {
  readonly field: readonly {
    readonly name: string;
    readonly number: number;
    readonly label: string;
    readonly type: string;
    readonly typeName: string;
  }[];
}

function fieldsOf(message: string): readonly string[] {
  const { type } = definitions[`${SCOPE}.${message}`] as MessageTypeDefinition<object, object>;
  return (type as unknown as Descriptor).field.map(({ name, number, label, type: kind, typeName }) => {
    const said = kind.replace('TYPE_', '').toLowerCase();
    const named = said === 'message' || said === 'enum' ? typeName : said;
    return `${number} ${label.replace('LABEL_', '').toLowerCase()} ${named} ${name}`;
  });
}

test('the hook of agentgateway has the fields that agentgateway gives it, but for those that are left out on purpose', () => {
  const ours = Object.keys(THEIRS).flatMap((message) => fieldsOf(message).map((field) => `${message} ${field}`));
  const theirs = Object.entries(THEIRS).flatMap(([message, fields]) => fields.map((field) => `${message} ${field}`));
  expect(ours.toSorted()).toEqual(theirs.filter((field) => !LEFT_OUT.includes(field)).toSorted());
});

test('and no other messages, codes or methods', () => {
  const isOurs = (name: string): boolean => name.startsWith(`${SCOPE}.`);
  const names = Object.keys(definitions)
    .filter(isOurs)
    .map((name) => name.slice(SCOPE.length + 1));
  expect(names.toSorted()).toEqual([...Object.keys(THEIRS), 'ExtMcp'].toSorted());
  const { type } = definitions[`${SCOPE}.AuthorizationError`] as unknown as {
    readonly type: { readonly enumType: readonly { readonly value: readonly Member[] }[] };
  };
  const codes = type.enumType.map(({ value }) => Object.fromEntries(value.map(({ name, number }) => [name, number])));
  expect(codes).toEqual([CODES]);
  const service = definitions[`${SCOPE}.ExtMcp`] as ServiceDefinition;
  expect(
    Object.values(service).map(({ path, requestStream, responseStream }) => [path, requestStream, responseStream]),
  ).toEqual([
    ['/agentgateway.dev.ext_mcp.ExtMcp/CheckRequest', false, false],
    ['/agentgateway.dev.ext_mcp.ExtMcp/CheckResponse', false, false],
  ]);
});
