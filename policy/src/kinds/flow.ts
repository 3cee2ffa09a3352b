import { z } from 'zod';
import { findField } from '../dsl/fields.js';
import type { LabelQuestion } from '../dsl/operators/carries.js';
import { ANY_NAME, parseValuePath } from '../dsl/operators/value-paths.js';
import { TASK_SCOPES, type TaskScope, VALUE_ROLES } from '../model/facts.js';
import { joinSegments } from '../model/field-path.js';
import type { JsonObject } from '../model/request.js';
import { absent, all, any, known, leaf, not, present, wildcards } from './condition-text.js';
import { strictConfig, wildcardName, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';

const LABELS = 'context.labels';
const SINKS = 'facts.sinks';
const PROVENANCE = 'facts.provenance';
const TASK_SCOPE = 'facts.task_scope';

const scopes = (what: string) => z.array(wordOf(TASK_SCOPES)).min(1).describe(what);
const globs = () => z.array(wildcardName('tool.name')).min(1).max(1000);

const constraint = () =>
  strictConfig({
    paths: z
      .array(z.string().min(1).max(512).superRefine(checkPath))
      .min(1)
      .max(100)
      .describe('Fields such as tool.arguments.to, with everything below them; * stands for any one name.'),
    allowed_origins: globs()
      .describe('Where a value may come from: user, agent, tool:server/name; wildcards count. Any when absent.')
      .optional(),
    denied_origins: globs().describe('Where no value may come from; wildcards count.').optional(),
    denied_labels: globs().describe('Labels that no value may carry; wildcards count.').optional(),
    roles: z
      .array(wordOf(VALUE_ROLES))
      .min(1)
      .describe('Only values that are this to the call count, and those of which nobody knows what they are.')
      .optional(),
  }).refine(({ paths: _paths, roles: _roles, ...rest }) => Object.keys(rest).length > 0, {
    message: 'say what may reach the paths: allowed_origins, denied_origins or denied_labels',
  });

const config = () =>
  strictConfig({
    sinks: globs().describe('What the attempt would reach, such as external_message or payment; one is enough.'),
    labels: globs().describe('Labels of the session; wildcards count, and one is enough.').optional(),
    all_labels: globs().describe('Labels that the session carries all together; wildcards count.').optional(),
    task_scope: scopes('How the attempt stands to the task; one is enough.').optional(),
    arguments: z
      .array(constraint())
      .min(1)
      .max(100)
      .describe('What may reach the sink; one value that is out of order is enough.')
      .optional(),
    unless: strictConfig({
      labels: globs().describe('Labels of the session, one of which lifts the policy; wildcards count.').optional(),
      argument_labels: globs().describe('Labels that endorse a value, whatever else is known of it.').optional(),
      task_scope: scopes('How an attempt stands to the task for which the policy does not count.').optional(),
    })
      .describe('What lifts the policy.')
      .optional(),
    unknown: wordOf(['block', 'ignore'])
      .describe('Whether sinks, labels or origins that are not known count as violating.')
      .default('block'),
  }).superRefine((value, context) => {
    const { labels, all_labels, task_scope, arguments: constraints } = value;
    if ([labels, all_labels, task_scope, constraints].every((part) => part === undefined)) {
      const message = 'say what may not reach the sinks: labels, all_labels, task_scope or arguments';
      context.addIssue({ code: 'custom', path: [], message, input: value });
    }
    if (value.unless?.argument_labels !== undefined && value.arguments === undefined) {
      const message = 'labels of values count only where arguments are asked about';
      context.addIssue({ code: 'custom', path: ['unless', 'argument_labels'], message, input: value });
    }
  });
type Config = z.output<ReturnType<typeof config>>;

/** What the session has seen, and where values come from, decides what they may reach (contracts §9). */
export const FLOW: PolicyKind<Config> = {
  type: 'flow',
  description: 'What the session has seen and where the arguments come from decide whether they may reach a sink.',
  actions: ['deny', 'escalate', 'log_only'],
  on: ['tool_call', 'inference', 'egress', 'a2a', 'resource', 'prompt'],
  config,
  example: {
    name: 'Recipients come from the user',
    type: 'flow',
    action: 'escalate',
    priority: 10,
    config: {
      sinks: ['external_message', 'payment'],
      labels: ['untrusted'],
      arguments: [
        { paths: ['tool.arguments.to', 'tool.arguments.recipient'], allowed_origins: ['user', 'tool:contacts/*'] },
      ],
      unless: { argument_labels: ['endorsed'] },
    },
    enabled: true,
  },
  compile: (written) => {
    const { sinks, labels, all_labels, task_scope, arguments: constraints, unless, unknown } = written;
    const conditions = [
      asked(SINKS, { need: 'any', labels: sinks }, unknown),
      ...(labels === undefined ? [] : [asked(LABELS, { need: 'any', labels }, unknown)]),
      ...(all_labels === undefined ? [] : [asked(LABELS, { need: 'every', labels: all_labels }, unknown)]),
      ...(task_scope === undefined ? [] : [scoped(task_scope, unknown)]),
      ...(constraints === undefined ? [] : [outOfOrder(written)]),
      ...(unless?.labels === undefined
        ? []
        : [not(known(LABELS, 'carries', { need: 'any', labels: wildcards(unless.labels) }))]),
      ...(unless?.task_scope === undefined ? [] : [not(known(TASK_SCOPE, 'in', unless.task_scope))]),
    ];
    return {
      violation: all(conditions),
      denial: { code: 'FLOW_FORBIDDEN', message: 'what this session has seen may not reach this destination' },
    };
  },
};

/** Whether the labels are carried, or that nobody knows, when that counts. */
function asked(field: string, question: LabelQuestion, unknown: Config['unknown']): JsonObject {
  const carries = leaf(field, 'carries', { ...question, labels: wildcards(question.labels) });
  return unknown === 'block' ? any([absent(field), carries]) : carries;
}

function scoped(scopes: readonly TaskScope[], unknown: Config['unknown']): JsonObject {
  const isOne = known(TASK_SCOPE, 'in', scopes);
  return unknown === 'block' ? any([absent(TASK_SCOPE), isOne]) : isOne;
}

function outOfOrder({ arguments: constraints = [], unless, unknown }: Config): JsonObject {
  const question = {
    constraints: constraints.map(withWildcards),
    endorsed: wildcards(unless?.argument_labels ?? []),
    unknown,
  };
  const places = [...new Set(constraints.flatMap(({ paths }) => paths.map(fixedPart)))];
  const flows = leaf(PROVENANCE, 'flows', question as unknown as JsonObject);
  // Naming the places is what makes them known to be read; and without a value there is nothing to judge.
  return all([any(places.map(present)), unknown === 'block' ? any([absent(PROVENANCE), flows]) : flows]);
}

/** The field above the first wildcard or element of a path. */
function fixedPart(path: string): string {
  const names = parseValuePath(path) ?? [];
  const end = names.findIndex((name) => name === ANY_NAME || typeof name === 'number');
  return joinSegments((end === -1 ? names : names.slice(0, end)).map(String));
}

function withWildcards({ paths, ...globs }: z.output<ReturnType<typeof constraint>>): object {
  const given = Object.entries(globs).flatMap(([key, names]) =>
    names === undefined ? [] : [[key, wildcards(names)] as const],
  );
  return { paths, ...Object.fromEntries(given) };
}

function checkPath(text: string, context: z.RefinementCtx): void {
  const report = (message: string): void => {
    context.addIssue({ code: 'custom', message, input: text });
  };
  if (parseValuePath(text) === undefined) {
    report(`"${text}" is not a path such as tool.arguments.to, tool.arguments.*.url or tool.arguments.items[*].url`);
    return;
  }
  const lookup = findField(fixedPart(text));
  if ('problem' in lookup) report(lookup.problem);
  else if (lookup.field.path.startsWith('facts')) report('facts are about the request; they are not part of it');
}
