import { z } from 'zod';
import { type Cidr, inCidr, parseCidr } from '../dsl/operators/ip.js';
import { ENVIRONMENTS, type JsonObject } from '../model/request.js';
import { absent, all, any, known, not, present } from './condition-text.js';
import { literalOf, MAX_ENTRIES, strictConfig, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';
import { SPECIAL_RANGES } from './special-addresses.js';

const HOST = 'egress.host';
const ADDRESSES = 'egress.resolved_ips';
const list = <T extends z.ZodType>(element: T): z.ZodArray<T> => z.array(element).min(1).max(MAX_ENTRIES);
const word = (shape: RegExp, says: string): z.ZodString => z.string().regex(shape, says);

const entry = () =>
  strictConfig({
    domains: list(literalOf('domain_match', HOST))
      .describe('Hosts: example.com for itself, *.example.com for everything below it.')
      .optional(),
    cidrs: list(literalOf('cidr_match', HOST)).describe('Ranges of the addresses that are connected to.').optional(),
    ports: list(z.int().min(1).max(65_535)).describe('egress.port.').optional(),
    schemes: list(word(/^[a-z][a-z0-9+.-]{0,31}$/, 'expected a scheme in lower case, such as https'))
      .describe('egress.scheme.')
      .optional(),
    environments: list(wordOf(ENVIRONMENTS)).describe('context.environment.').optional(),
    methods: list(word(/^[A-Z]{1,32}$/, 'expected a method in upper case, such as GET'))
      .describe('egress.method.')
      .optional(),
  }).refine((value) => Object.keys(value).length > 0, 'an entry without anything in it would match every connection');

const config = () =>
  strictConfig({
    allow: z
      .union([list(entry()), z.literal('any')], { error: () => 'expected a list of entries, or any' })
      .describe('A connection that no entry matches violates; any: only deny and resolved count.'),
    deny: list(entry())
      .describe('A connection that an entry matches violates. What the request does not say is taken to match.')
      .optional(),
    resolved: wordOf(['public_only', 'any'])
      .describe('public_only: the host and all addresses it was resolved to are public; not to know them violates.')
      .default('public_only'),
  }).superRefine(({ allow, resolved }, context) => {
    if (resolved === 'any' || allow === 'any') return;
    for (const [index, { cidrs = [] }] of allow.entries()) {
      for (const [at, cidr] of cidrs.entries()) {
        if (!isSpecialRange(cidr)) continue;
        const message = `no address of ${cidr} is public, so this allows nothing unless resolved is any`;
        context.addIssue({ code: 'custom', path: ['allow', index, 'cidrs', at], message, input: cidr });
      }
    }
  });
type Entry = z.output<ReturnType<typeof entry>>;

/** Seed 000: which outbound connections are allowed, from which environments. */
export const EGRESS: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'egress',
  description:
    'Connections go to allowed domains, addresses, ports and schemes only, and never to private or special addresses.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  on: ['egress'],
  config,
  example: {
    name: 'Egress',
    type: 'egress',
    action: 'deny',
    priority: 10,
    config: {
      allow: [
        { domains: ['api.example.com', '*.internal.example.com'], ports: [443], schemes: ['https'] },
        { domains: ['staging.example.net'], environments: ['dev', 'staging'], methods: ['GET', 'HEAD'] },
      ],
      deny: [{ domains: ['admin.internal.example.com'] }, { cidrs: ['192.0.2.0/24'] }],
      resolved: 'public_only',
    },
    enabled: true,
  },
  compile: ({ allow, deny, resolved }) => ({
    violation: any([
      ...(allow === 'any' && deny === undefined && resolved === 'any' ? [never()] : []),
      ...(deny ?? []).map(isDenied),
      ...(allow === 'any' ? [] : [not(any(allow.map(isAllowed)))]),
      ...(resolved === 'public_only' ? leadsAstray() : []),
    ]),
    denial: { code: 'EGRESS_NOT_ALLOWED', message: 'a connection to this destination is not allowed' },
  }),
};

/** What a policy without any restriction says: one that is switched off where its parameters say so. */
function never(): JsonObject {
  return all([present(HOST), absent(HOST)]);
}

/** Questions of the operator `addresses`. */
const question = (are: string, cidrs?: readonly string[]): JsonObject => ({
  are,
  ...(cidrs === undefined ? {} : { cidrs }),
});
const EVERY_ADDRESS: readonly string[] = ['0.0.0.0/0', '::/0'];

function isAllowed(entry: Entry): JsonObject {
  const { domains, cidrs } = entry;
  return all([
    ...(domains === undefined ? [] : [known(HOST, 'domain_match', domains)]),
    ...(cidrs === undefined
      ? []
      : [leadsInto(question('within', cidrs)), not(known(ADDRESSES, 'addresses', question('outside', cidrs)))]),
    ...plainConstraints(entry).map(([field, values]) => known(field, 'in', values)),
  ]);
}

function isDenied(entry: Entry): JsonObject {
  const { domains, cidrs } = entry;
  return all([
    ...(domains === undefined ? [] : [any([absent(HOST), known(HOST, 'domain_match', domains)])]),
    ...(cidrs === undefined
      ? []
      : [any([not(leadsInto(question('within', EVERY_ADDRESS))), leadsInto(question('touching', cidrs))])]),
    ...plainConstraints(entry).map(([field, values]) => any([absent(field), known(field, 'in', values)])),
  ]);
}

/** Asked of the addresses that the host was resolved to, or of the host where it is itself an address. */
function leadsInto(asked: JsonObject): JsonObject {
  return any([known(ADDRESSES, 'addresses', asked), known(HOST, 'addresses', asked)]);
}

function plainConstraints(entry: Entry): readonly (readonly [field: string, values: readonly (string | number)[]])[] {
  const { ports, schemes, environments, methods } = entry;
  const given: readonly (readonly [string, readonly (string | number)[] | undefined])[] = [
    ['egress.port', ports],
    ['egress.scheme', schemes],
    ['context.environment', environments],
    ['egress.method', methods],
  ];
  return given.flatMap(([field, values]) => (values === undefined ? [] : [[field, values] as const]));
}

/** No public address is known, or one that is not public is. */
function leadsAstray(): readonly JsonObject[] {
  return [
    not(leadsInto(question('public'))),
    known(ADDRESSES, 'addresses', question('special')),
    known(HOST, 'addresses', question('special')),
  ];
}

function isSpecialRange(text: string): boolean {
  const range = parseCidr(text);
  return range !== undefined && SPECIAL_RANGES.some(({ cidr }) => contains(parseCidr(cidr), range));
}

function contains(outer: Cidr | undefined, inner: Cidr): boolean {
  return outer !== undefined && inner.bits >= outer.bits && inCidr(inner, outer);
}
