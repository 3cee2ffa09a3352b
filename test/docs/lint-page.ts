import { compileBundle } from '@portcullis/policy';
import { LINT_CODES, LINT_RULES, type LintCode, lintBundle } from '@portcullis/policy/analysis';
import { LINT_EXAMPLES } from './lint-examples.js';
import { code, markdownPage, type Page, table } from './page.js';

const MANIFEST = {
  format: 'portcullis.policy/1',
  name: 'example',
  version: '1.0.0',
  sets: [{ name: 's', layer: 'tenant', combining: 'priority', priority_order: 'desc', policies: 's' }],
};

/** What lint says of an example; it must say at least what it is an example of. */
function messageOf(name: LintCode, example: string): string {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const files = new Map([
    ['bundle.yaml', bytes(JSON.stringify(MANIFEST))],
    ['s/example.yaml', bytes(example)],
  ]);
  const compiled = compileBundle(files);
  if (!compiled.ok) throw new Error(`the example of ${name} is invalid: ${JSON.stringify(compiled.problems)}`);
  const found = lintBundle(compiled.value).findings.find((finding) => finding.code === name);
  if (found === undefined) throw new Error(`the example of ${name} does not have that finding`);
  return found.message.replaceAll('s/example.yaml', 'example.yaml');
}

function section(name: LintCode): readonly string[] {
  const { severity, title, why, fix } = LINT_RULES[name];
  const example: string | undefined = LINT_EXAMPLES[name];
  const shown =
    example === undefined ? [] : [`\`\`\`yaml\n${example.trimEnd()}\n\`\`\``, `> ${messageOf(name, example)}`];
  return [`### ${name}`, `${title}. ${why}`, ...shown, `Severity: ${severity}. What to do: ${lowerFirst(fix)}`];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** `docs/reference/lint.md`. */
export function lintPage(): Page {
  return markdownPage('docs/reference/lint.md', 'Lint', [
    '`portcullis lint` finds policies that do not do what they say. It compiles the policies and decides questions about ' +
      'their conditions: whether one can hold at all, and whether a policy ever has a say beside the others of its set. What ' +
      'it claims is proven for every request that a decision point accepts; where a finding names a request, the engine has ' +
      'confirmed it. What it cannot decide within its bounds it lists as undecided and claims nothing about.',
    'An error says that a policy does not do what it says; a warning, that it may not. How to use it, and how to except a ' +
      "finding: [the author's tools](../guides/author-tools.md).",
    table(
      ['code', 'severity', 'finding'],
      LINT_CODES.map((name) => [
        `[${code(name)}](#${name.toLowerCase()})`,
        LINT_RULES[name].severity,
        LINT_RULES[name].title,
      ]),
    ),
    '## Each finding',
    ...LINT_CODES.flatMap(section),
  ]);
}
