import { compileBundle, MAX_LIST_LENGTH, MAX_PATTERN_LENGTH, type Operator } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';

/** What the language page says of an operator. */
export interface OperatorMeaning {
  /** What may stand as `value`. */
  readonly value: string;
  readonly holds: string;
  /** A comparison that compiles, in YAML. */
  readonly example: string;
}

const TIME_OR_NUMBER = 'a number, an RFC 3339 time, or a date';
const ORDER = (example: string, holds: string): OperatorMeaning => ({ value: TIME_OR_NUMBER, holds, example });

/** What every operator means; one that is missing here fails the generator. */
const OPERATOR_MEANINGS: Partial<Record<Operator, OperatorMeaning>> = {
  equals: {
    value: 'a text, number or boolean',
    holds: 'the field is that value, of the same type; nothing is converted',
    example: '{field: user.team, operator: equals, value: finance}',
  },
  not_equals: {
    value: 'a text, number or boolean',
    holds: 'the field is another value of that type',
    example: '{field: context.environment, operator: not_equals, value: prod}',
  },
  in: {
    value: `a list of 1 to ${MAX_LIST_LENGTH} texts, numbers or booleans, all of one type`,
    holds: 'the field is one of them',
    example: '{field: user.role, operator: in, value: [admin, owner]}',
  },
  not_in: {
    value: 'a list as for `in`',
    holds: 'the field is none of them',
    example: '{field: request.model, operator: not_in, value: [gpt-4o]}',
  },
  contains: {
    value: 'a text, not empty; for lists of numbers and fields of any type also a number or boolean',
    holds: 'the text has that part, or the list has that member',
    example: '{field: context.labels, operator: contains, value: confidential}',
  },
  contains_any: {
    value: 'a list as for `in`',
    holds: 'the text has at least one of the parts, or the list one of the members',
    example: '{field: context.labels, operator: contains_any, value: [pii, secret]}',
  },
  contains_all: {
    value: 'a list as for `in`',
    holds: 'the text has all of the parts, or the list all of the members',
    example: '{field: context.labels, operator: contains_all, value: [internal, reviewed]}',
  },
  subset_of: {
    value: 'a list as for `in`',
    holds: 'the list has no other members; an empty list has none',
    example: '{field: facts.sinks, operator: subset_of, value: [egress]}',
  },
  greater_than: ORDER(
    '{field: request.estimated_tokens, operator: greater_than, value: 4000}',
    'the field is larger, or later; than a date: after that day',
  ),
  greater_or_equal: ORDER(
    '{field: context.timestamp, operator: greater_or_equal, value: 2026-07-01}',
    'the field is at least that; of a date: from the beginning of that day',
  ),
  less_than: ORDER(
    '{field: agent.trust_level, operator: less_than, value: 0.5}',
    'the field is smaller, or earlier; than a date: before that day',
  ),
  less_or_equal: ORDER(
    '{field: context.timestamp, operator: less_or_equal, value: 2026-12-31}',
    'the field is at most that; of a date: until the end of that day',
  ),
  between: {
    value: '`[lowest, highest]`, numbers or times',
    holds: 'the field is one of the two or lies between them',
    example: '{field: egress.port, operator: between, value: [1, 1023]}',
  },
  starts_with: {
    value: 'a text, or a list of texts',
    holds: 'the text begins with it, or with one of them',
    example: '{field: tool.arguments.path, operator: starts_with, value: /srv/public/}',
  },
  ends_with: {
    value: 'a text, or a list of texts',
    holds: 'the text ends with it, or with one of them',
    example: '{field: "tool.arguments.to[all]", operator: ends_with, value: "@example.com"}',
  },
  glob_match: {
    value: 'a glob, or a list of globs',
    holds:
      'the whole text is as the glob says: `*` and `?` stay within a segment (between slashes), `**` is any text, `[a-z]` and `[!a-z]` one character, `{a,b}` one of the alternatives, `\\` takes the next character as it is',
    example: '{field: tool.name, operator: glob_match, value: ["fs/*", "{db,cache}/**"]}',
  },
  regex_match: {
    value: `an RE2 pattern of at most ${MAX_PATTERN_LENGTH} characters`,
    holds: 'the pattern matches anywhere in the text; anchor it with ^ and $ for the whole',
    example: '{field: tool.name, operator: regex_match, value: "^(read|list)_"}',
  },
  domain_match: {
    value: '`example.com`, `*.example.com`, or a list of these',
    holds:
      'the host is that one, or with `*.` lies below it at any depth; case, a final dot and international spelling do not matter; what is not a host is an error',
    example: '{field: egress.host, operator: domain_match, value: [example.com, "*.example.com"]}',
  },
  cidr_match: {
    value: 'a range such as `10.0.0.0/8`, an address, or a list of these',
    holds: 'the address lies in it; an IPv4-mapped IPv6 address is its IPv4 one; what is not an address is an error',
    example: '{field: "egress.resolved_ips[any]", operator: cidr_match, value: [10.0.0.0/8, "fd00::/8"]}',
  },
  in_time_window: {
    value:
      '`{timezone, days, from, to, dates: {from, to}}`: an IANA zone and at least one of weekdays (`mon` …), hours and dates',
    holds:
      'the wall clock of that zone shows a time from `from` until just before `to`, on such a day; a window that wraps midnight is of the day on which it began',
    example:
      '{field: context.timestamp, operator: in_time_window, value: {timezone: Asia/Jakarta, days: [mon, fri], from: "09:00", to: "17:00"}}',
  },
  exists: {
    value: '`true` (also when left out) or `false`',
    holds: 'the field is there, or with `false` is not',
    example: '{field: user.id, operator: exists, value: false}',
  },
};

/** What an operator means; throws when nobody wrote it down, or when its example does not compile. */
export function meaningOf(operator: Operator): OperatorMeaning {
  const meaning = OPERATOR_MEANINGS[operator];
  if (meaning === undefined) throw new Error(`the operator ${operator} is not described`);
  mustCompile(meaning.example);
  return meaning;
}

/** An example that does not compile would teach a mistake. */
function mustCompile(condition: string): void {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'example',
    version: '1.0.0',
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
  };
  const files = new Map([
    ['bundle.yaml', JSON.stringify(manifest)],
    ['p/a.yaml', `{name: A, when: ${condition}, effect: deny, priority: 1}`],
  ]);
  const bytes = new Map([...files].map(([name, text]) => [name, new TextEncoder().encode(text)]));
  const result = compileBundle(bytes);
  if (!result.ok) throw new Error(`${condition}: ${result.problems.map(formatProblem).join('; ')}`);
}
