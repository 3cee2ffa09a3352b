import type { Field } from '../dsl/fields.js';
import { BUILT_IN_FIELDS } from '../dsl/fields.js';
import type { Json } from '../model/request.js';

/** The shapes of JSON that operators tell apart. */
export const SHAPES = ['text', 'number', 'boolean', 'null', 'list', 'object'] as const;
/** See {@link SHAPES}. */
export type Shape = (typeof SHAPES)[number];

/** What a field can hold in a request that a decision point accepts. */
export interface Universe {
  /** Whether every request has the field. */
  readonly required: boolean;
  /** Whether the path can lead through something that is not an object. */
  readonly breakable: boolean;
  readonly shapes: readonly Shape[];
  /** The only texts, when they are a closed list. */
  readonly texts?: readonly string[];
  /** Which texts of all there are. */
  readonly isText: (text: string) => boolean;
  readonly isNumber: (value: number) => boolean;
  /** Whether the elements of a list are all texts. */
  readonly textsOnly: boolean;
}

const REQUIRED: ReadonlySet<string> = new Set([
  'version',
  'tenant_id',
  'source',
  'kind',
  'agent',
  'agent.id',
  'context',
  'context.timestamp',
  'context.request_id',
]);
const IDENTIFIERS: ReadonlySet<string> = new Set(['tenant_id', 'agent.id', 'context.request_id']);
const AMOUNTS: ReadonlySet<string> = new Set(['request.estimated_tokens', 'request.max_tokens', 'egress.bytes']);
/** UTF-16 units. */
const MAX_IDENTIFIER = 256;
const MAX_LABEL = 1024;
const MAX_LOCATOR = 16_384;
const MAX_CONTENT = 4_194_304;
/** Texts that may be longer than a label. */
const LONG_TEXTS: ReadonlyMap<string, number> = new Map([
  ['request.model_endpoint', MAX_LOCATOR],
  ['egress.path', MAX_LOCATOR],
  ['peer.url', MAX_LOCATOR],
  ['intent_risk.explanation', MAX_LOCATOR],
  ['request.query', MAX_CONTENT],
  ['request.output', MAX_CONTENT],
]);
const MAX_PORT = 65_535;
const RFC3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** What a field can hold: what the schema of the canonical request says, and anything at all below the open containers. */
export function universeOf(field: Field): Universe {
  const { path, segments, type } = field;
  const base = {
    required: REQUIRED.has(path),
    breakable: false,
    isNumber: () => true,
    isText: isLabel,
    textsOnly: true,
  };
  if (isOpen(field)) {
    // The members of an open container are the caller's; its own member is always reached, deeper ones may not be.
    const breakable = segments.length > OPEN_DEPTH || field.quantifiers !== undefined;
    return { ...base, breakable, shapes: SHAPES, isText: () => true, textsOnly: false };
  }
  if (field.quantifiers !== undefined)
    return { ...base, shapes: ['list'], textsOnly: type === 'string' || type === 'ip' };
  if (type === 'number') return { ...base, shapes: ['number'], isNumber: numbersOf(path) };
  if (type === 'boolean' || type === 'object') return { ...base, shapes: [type] };
  if (type === 'string_list') return { ...base, shapes: ['list'] };
  if (type === 'datetime') return { ...base, shapes: ['text'], isText: (text) => RFC3339.test(text) };
  const texts = field.members === undefined ? {} : { texts: field.members };
  return { ...base, shapes: ['text'], ...texts, isText: textsOf(path) };
}

/** `tool.arguments.path` is the member of an object for sure; what is deeper may meet a value of another shape. */
const OPEN_DEPTH = 3;

function isLabel(text: string): boolean {
  return text.length <= MAX_LABEL;
}

/** Whether the field lies below a container whose members are the caller's own; the elements of a built-in list do not. */
function isOpen({ path, segments, quantifiers }: Field): boolean {
  const list = quantifiers?.[0];
  const known = list === undefined ? path : segments.slice(0, list.at + 1).join('.');
  if (BUILT_IN_FIELDS.includes(known) || segments[0] === 'facts') return false;
  return path !== 'intent_risk.risk_dimensions' && !path.startsWith('intent_risk.risk_dimensions.');
}

function numbersOf(path: string): (value: number) => boolean {
  if (path === 'agent.trust_level') return (value) => value >= 0 && value <= 1;
  if (path === 'egress.port') return (value) => Number.isInteger(value) && value >= 1 && value <= MAX_PORT;
  return AMOUNTS.has(path) ? (value) => value >= 0 : () => true;
}

function textsOf(path: string): (text: string) => boolean {
  if (IDENTIFIERS.has(path)) return (text) => text.length > 0 && text.length <= MAX_IDENTIFIER;
  const longest = LONG_TEXTS.get(path) ?? MAX_LABEL;
  return (text) => text.length <= longest;
}

/** The shape of a value. */
export function shapeOf(value: Json): Shape {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return 'object';
  return { string: 'text', number: 'number', boolean: 'boolean' }[
    typeof value as 'string' | 'number' | 'boolean'
  ] as Shape;
}
