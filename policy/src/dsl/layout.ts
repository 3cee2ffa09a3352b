import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** What a policy of a pack says of its parameters, before everything else. */
const TEMPLATE_KEYS: readonly string[] = ['if_parameter', 'unless_parameter', 'for_each', 'as'];

/** The order in which a policy says things: what it is, what it speaks of, when, and what then. */
const POLICY_KEYS: readonly string[] = [
  ...TEMPLATE_KEYS,
  'name',
  'slug',
  'description',
  'type',
  'on',
  'scope',
  'when',
  'effect',
  'action',
  'priority',
  'config',
  'group',
  'deny_reason_code',
  'deny_user_message',
  'framework_mapping',
  'status',
  'enabled',
  'created_at',
];
const CONDITION_KEYS: readonly string[] = [...TEMPLATE_KEYS, 'field', 'operator', 'value', 'conditions', 'do'];
const EFFECT_KEYS: readonly string[] = ['type'];

/** A line is at most this long where the layout has a choice. */
export const LINE_WIDTH = 110;

/**
 * Puts a document of policies (one, or a list) into the canonical layout: keys in the order of the language, what fits on
 * a line on one line, everything else in blocks. Comments stay with what they stand before. A document with aliases keeps
 * its order, because an alias must not come to stand before its anchor.
 */
export function layOut(document: Document): void {
  let aliases = false;
  visit(document, {
    Alias: () => {
      aliases = true;
    },
  });
  const { contents } = document;
  const policies = isSeq(contents) ? contents.items : [contents];
  for (const policy of policies) if (isMap(policy)) layOutPolicy(policy, !aliases);
  if (isSeq(contents)) contents.flow = false;
  visit(document, { Scalar: (_key, node) => quoteAsNeeded(node) });
}

/**
 * Whatever can do without quotes goes without; a text with backslashes, a pattern say, gets those that leave them alone;
 * prose that is longer than a line is folded.
 */
function quoteAsNeeded(node: Scalar): void {
  if (typeof node.value !== 'string' || node.type === Scalar.BLOCK_LITERAL) return;
  const { value } = node;
  if (value.length > LINE_WIDTH && PROSE.test(value)) node.type = Scalar.BLOCK_FOLDED;
  else if (node.type !== Scalar.BLOCK_FOLDED || value.length <= LINE_WIDTH) {
    node.type = value.includes('\\') && PRINTABLE.test(value) ? Scalar.QUOTE_SINGLE : Scalar.PLAIN;
  }
}

/** Words between single spaces. */
const PROSE = /^\S{1,100}( \S{1,100})+$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

function layOutPolicy(policy: YAMLMap, reorder: boolean): void {
  policy.flow = false;
  if (reorder) order(policy, POLICY_KEYS);
  for (const pair of policy.items) {
    const name = keyOf(pair);
    if (name === 'when') layOutCondition(pair.value, reorder, depthOf(name));
    else {
      if (name === 'effect' && reorder && isMap(pair.value)) order(pair.value, EFFECT_KEYS);
      fold(pair.value, depthOf(name));
    }
  }
}

const depthOf = (name: string): number => name.length + 2;

function layOutCondition(node: unknown, reorder: boolean, indent: number): void {
  if (!isMap(node)) return;
  if (reorder) order(node, CONDITION_KEYS);
  const conditions = node.get('conditions');
  if (!isSeq(conditions) || !conditions.items.some(isMap)) {
    fold(node, indent);
    return;
  }
  node.flow = false;
  conditions.flow = false;
  for (const condition of conditions.items) layOutCondition(condition, reorder, indent + 4);
}

/** Moves known keys to the front, in their order; the rest follows as it was. */
function order(map: YAMLMap, keys: readonly string[]): void {
  const rank = (pair: Pair): number => {
    const at = keys.indexOf(keyOf(pair));
    return at === -1 ? keys.length : at;
  };
  const head = keyNode(map.items[0]);
  const heading = head?.commentBefore;
  // What stands above the first key speaks of the whole, so it stays at the top.
  if (head !== undefined) head.commentBefore = null;
  map.items = map.items.toSorted((a, b) => rank(a) - rank(b));
  const first = keyNode(map.items[0]);
  for (const pair of map.items) {
    const key = keyNode(pair);
    // A blank line above a key belongs to the place, not to the key.
    if (key !== undefined && pair !== map.items[0]) key.spaceBefore = false;
  }
  if (first !== undefined && typeof heading === 'string') {
    first.commentBefore = typeof first.commentBefore === 'string' ? `${heading}\n${first.commentBefore}` : heading;
  }
}

function keyNode(pair: Pair | undefined): Scalar | undefined {
  return isScalar(pair?.key) ? pair.key : undefined;
}

/** One line for what fits and has no comments, blocks for the rest. */
function fold(node: unknown, indent: number): void {
  if (!isCollection(node)) return;
  // A list of objects is read from top to bottom, however short.
  const rows = isSeq(node) && node.items.some(isMap);
  const flat = !rows && !hasComments(node) && indent + widthOf(node) <= LINE_WIDTH && node.items.length > 0;
  const nested = isMap(node) ? node.items.map((pair) => pair.value) : node.items;
  node.flow = flat || node.items.length === 0;
  if (node.flow) padAsUsual(node);
  for (const child of nested) fold(child, indent + 2);
}

/** `{ a: b }` and `[a, b]`: the library pads both or neither, so each kind is printed with its own setting. */
function padAsUsual(node: YAMLMap | YAMLSeq): void {
  const padding = isMap(node) ? ' ' : '';
  const print = node.toString.bind(node);
  node.toString = (context, ...rest) =>
    print(context === undefined ? context : { ...context, flowCollectionPadding: padding }, ...rest);
}

function hasComments(node: unknown): boolean {
  let found = false;
  visit(node as never, {
    Node: (_key, { comment, commentBefore }) => {
      if (typeof comment === 'string' || typeof commentBefore === 'string') found = true;
      return found ? visit.BREAK : undefined;
    },
  });
  return found;
}

/** Texts that are written without quotes, nearly always. */
const PLAIN = /^[A-Za-z_/][\w ./()-]*$/;

/** About as long as the node is on one line. */
function widthOf(node: unknown): number {
  if (isAlias(node)) return node.source.length + 1;
  if (isScalar(node)) {
    const text = JSON.stringify(node.value);
    return typeof node.value === 'string' && PLAIN.test(node.value) ? text.length - 2 : text.length;
  }
  if (isSeq(node)) return node.items.reduce<number>((sum, item) => sum + widthOf(item) + 2, 2);
  if (!isMap(node)) return 0;
  return node.items.reduce<number>((sum, pair) => sum + keyOf(pair).length + widthOf(pair.value) + 4, 2);
}

function keyOf(pair: Pair): string {
  const { key } = pair;
  return String(isScalar(key) ? key.value : key);
}
