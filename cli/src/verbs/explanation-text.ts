import type { ConditionExplanation, Explanation, ShownValue } from '@portcullis/policy';

function valueText(value: ShownValue): string {
  switch (value.is) {
    case 'value':
      return JSON.stringify(value.value);
    case 'redacted':
      return `<${value.type}${value.length === undefined ? '' : ` of length ${value.length}`}>`;
    case 'missing':
    case 'unreachable':
      return `<${value.is}>`;
  }
}

const MARK = { true: '+', false: '-', error: '!' } as const satisfies Record<ConditionExplanation['outcome'], string>;

function conditionText(condition: ConditionExplanation): string {
  const { field, operator, negated, literal, value, outcome, path } = condition;
  const test = `${negated ? 'not ' : ''}${field} ${operator} ${JSON.stringify(literal)}`;
  return `      ${MARK[outcome]} ${test}   found ${valueText(value)}   (${path})`;
}

/** An explanation for a person: every candidate rule in order, and what each of its conditions found. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const lines = [explanation.summary, `policy version ${explanation.policyVersion}`];
  for (const set of explanation.sets) {
    const pack = set.pack === undefined ? '' : `, pack ${set.pack}`;
    lines.push('', `${set.layer} set "${set.set}" (${set.combining}${pack}): ${set.outcome}`);
    for (const rule of set.rules) {
      lines.push(
        `  ${String(rule.priority).padStart(4)} ${rule.policy} [${rule.effect}] ${rule.outcome}, ${rule.role}  ${rule.file}:${rule.line}`,
      );
      lines.push(`       ${rule.why}`, ...rule.conditions.map(conditionText));
    }
  }
  return lines;
}
