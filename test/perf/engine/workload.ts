/**
 * What every subject is given: agents x tools x operations with a condition, one rule per combination, so that at most
 * one rule speaks of a request. Four of five rules allow, the fifth denies; what no rule allows is denied.
 */

/** How the rules say whom and what they are about; `plain` is the one that all subjects can be given. */
export const SHAPES = ['plain', 'prefixes', 'sets', 'cidrs', 'domains', 'regexes'] as const;
/** See {@link SHAPES}. */
export type Shape = (typeof SHAPES)[number];

/** One rule. */
export interface WorkRule {
  readonly agent: number;
  readonly tool: number;
  readonly operation: number;
  /** It speaks of requests with fewer tokens than this. */
  readonly limit: number;
  readonly effect: 'allow' | 'deny';
}

/** One question. */
export interface WorkRequest {
  readonly agent: number;
  readonly tool: number;
  /** One that no rule names is as large as the number of operations. */
  readonly operation: number;
  readonly tokens: number;
}

/** Rules and questions about them. */
export interface Workload {
  readonly shape: Shape;
  readonly rules: readonly WorkRule[];
  readonly requests: Readonly<Record<RequestKind, readonly WorkRequest[]>>;
}

/** `hit`: some rule speaks of it; `miss`: none does; `worst`: the last rule of all does. */
export const REQUEST_KINDS = ['hit', 'miss', 'worst'] as const;
/** See {@link REQUEST_KINDS}. */
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** Distinct questions of one kind; they are asked in turn. */
const REQUESTS = 1000;
/** A prime: the questions' rules are all over the list. */
const STRIDE = 7919;

/** Rules and questions for a number of rules. */
export function workloadOf(size: number, shape: Shape): Workload {
  const side = Math.ceil(Math.cbrt(size));
  const place = (index: number): { agent: number; tool: number; operation: number } => ({
    agent: index % side,
    tool: Math.floor(index / side) % side,
    operation: Math.floor(index / side / side),
  });
  const rules = Array.from({ length: size }, (_, index): WorkRule => {
    return { ...place(index), limit: 1000 * (1 + (index % 7)), effect: index % 5 === 4 ? 'deny' : 'allow' };
  });
  const ask = (rule: number, more: Partial<WorkRequest> = {}): WorkRequest => ({
    ...place(rule),
    tokens: 500,
    ...more,
  });
  const hit = Array.from({ length: REQUESTS }, (_, index) => ask((index * STRIDE) % size));
  const miss = hit.map((request) => ({ ...request, operation: side + 1 }));
  const worst = hit.map(() => ask(size - 1));
  return { shape, rules, requests: { hit, miss, worst } };
}

/** What every subject must answer. */
export function expectedOf({ rules }: Workload, { agent, tool, operation, tokens }: WorkRequest): boolean {
  const rule = rules.find((one) => one.agent === agent && one.tool === tool && one.operation === operation);
  return rule !== undefined && tokens < rule.limit && rule.effect === 'allow';
}
