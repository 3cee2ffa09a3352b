import { ANALYSERS, DEFAULT_RISK_PARAMETERS, OVERALL, RISK_DIMENSIONS } from '@portcullis/policy/risk';
import { code, codes, markdownPage, type Page, table } from './page.js';

const DIMENSION_MEANINGS = {
  data_exfiltration: 'Something leaves that should stay.',
  prompt_injection: 'Somebody other than the user gives the orders.',
  privilege_escalation: 'The agent gains or uses more power than its task needs.',
  destructive_action: 'What is done cannot be undone.',
  goal_drift: 'The agent does something other than what it was set up for.',
  resource_abuse: 'It uses or spends more than is usual.',
} as const satisfies Record<(typeof RISK_DIMENSIONS)[number], string>;

/** `docs/reference/risk-signals.md`. */
export function riskSignalsPage(): Page {
  const { reviewFrom, blockFrom } = DEFAULT_RISK_PARAMETERS;
  return markdownPage('docs/reference/risk-signals.md', 'Risk signals', [
    'What the risk stage of a PDP looks for before policies are evaluated, and what it yields as `intent_risk` ' +
      '([ADR-0015](../adr/0015-risk.md), [guide](../guides/risk.md)). Each signal has a score from 0 to 1 that depends on ' +
      'the attempt, and a fixed weight that says how much a score of 1 means.',
    'Signals are combined by noisy-or: the whole risk is `1 - (1 - weight x score) x ...` over all signals, and so is each ' +
      'dimension with the weights of its column. One strong signal is enough, weak ones add up, and no signal lowers ' +
      `anything. The decision is REVIEW from ${reviewFrom} and BLOCK from ${blockFrom} unless the configuration says otherwise.`,
    table(
      ['signal', 'weight', 'fires when', 'reads', 'cannot see'],
      ANALYSERS.map(({ signalType, weight, description, reads, needsBaseline, blindTo }) => [
        code(signalType),
        String(weight),
        description,
        [codes(reads), ...(needsBaseline ? ['habits of the agent'] : [])].filter((part) => part !== '').join(', '),
        blindTo,
      ]),
    ),
    '## Dimensions',
    `Policies read \`intent_risk.risk_dimensions.<dimension>\`; ${code(OVERALL)} is the whole.`,
    table(
      ['dimension', 'meaning', 'signals and their weights in it'],
      RISK_DIMENSIONS.map((name) => [
        code(name),
        DIMENSION_MEANINGS[name],
        ANALYSERS.filter(({ dimensions }) => dimensions[name] !== undefined)
          .toSorted((a, b) => (b.dimensions[name] ?? 0) - (a.dimensions[name] ?? 0))
          .map(({ signalType, dimensions }) => `${code(signalType)} ${dimensions[name]}`)
          .join(', '),
      ]),
    ),
  ]);
}
