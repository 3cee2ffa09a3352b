import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  builtInPacksFolder,
  describePack,
  type PackDescription,
  type PackPolicyDescription,
  type ParameterDescription,
  readPack,
} from '@portcullis/policy';
import { formatProblem, type JsonObject } from '@portcullis/policy/model';
import { code, codes, markdownPage, type Page, table } from './page.js';
import { filesBelow } from './wire-types.js';

/** The order of the page, and what each category is about. */
const CATEGORIES = {
  base: 'Authentication, authorization, models and quotas: where a deployment starts.',
  tools: 'What agents do with tools.',
  compliance: 'Controls that frameworks and laws ask for.',
  a2a: 'Agents that speak to agents.',
  intent: 'What follows from the assessment of risk.',
} as const satisfies Record<PackDescription['category'], string>;

/** `docs/reference/packs.md`: every built-in pack, from the packs themselves. */
export function packsPage(): Page {
  const packs = readPacks();
  const categories = Object.keys(CATEGORIES) as readonly PackDescription['category'][];
  return markdownPage('docs/reference/packs.md', 'Built-in packs', [
    'Policies ready to use. `portcullis pack add NAME DIR` copies a pack into a policy directory and adds a set to its ' +
      '`bundle.yaml`; values of parameters go under `parameters:` of that set, values for one environment under ' +
      '`environments:`. How packs are configured, versioned and promoted: [the guide](../guides/packs.md).',
    'A pack is a set of its layer. Sets combine by their strictest outcome, so what one pack denies no other allows. ' +
      `References such as \`\${limit}\` in the tables stand for the value of that parameter.`,
    table(
      ['pack', 'version', 'layer', 'what it is', 'policies'],
      packs.map((pack) => [
        `[${code(pack.name)}](#${pack.name})`,
        pack.version,
        pack.layer,
        pack.title,
        String(new Set(pack.policies.map(({ slug }) => slug)).size),
      ]),
    ),
    ...categories.flatMap((category) => [
      `**${category}.** ${CATEGORIES[category]} ${packs
        .filter((pack) => pack.category === category)
        .map(({ name }) => `[${code(name)}](#${name})`)
        .join(', ')}`,
    ]),
    ...packs.flatMap(packParts),
    '## Frameworks',
    'Which policies serve which clause. The mapping says which control a policy is evidence for, not that it fulfils the ' +
      'clause by itself.',
    ...frameworkTables(packs),
  ]);
}

function readPacks(): readonly PackDescription[] {
  const root = fileURLToPath(builtInPacksFolder());
  return readdirSync(root)
    .toSorted()
    .map((name) => {
      const folder = join(root, name);
      const files = new Map(
        filesBelow(folder).map((file): [string, Uint8Array] => [
          file,
          new Uint8Array(readFileSync(join(folder, file))),
        ]),
      );
      const pack = readPack(files, '');
      if (!pack.ok) throw new Error(pack.problems.map(formatProblem).join('\n'));
      return describePack(pack.value);
    });
}

function packParts(pack: PackDescription): readonly string[] {
  const requires = Object.entries(pack.requires).map(([name, range]) => `[${code(name)}](#${name}) ${range}`);
  return [
    `## ${pack.name}`,
    pack.description,
    `Version ${pack.version}, layer ${code(pack.layer)}, combining ${code(pack.combining)}, priority order ` +
      `${code(pack.priority_order)}.${requires.length === 0 ? '' : ` Requires ${requires.join(', ')}.`}`,
    pack.parameters.length === 0
      ? 'No parameters.'
      : table(['parameter', 'type', 'default', 'meaning'], pack.parameters.map(parameterRow)),
    table(['policy', 'effect', 'priority', 'what it is for', 'clauses'], pack.policies.map(policyRow)),
  ];
}

function parameterRow({ name, description, schema, default: fallback }: ParameterDescription): readonly string[] {
  return [
    code(name),
    typeText(schema),
    fallback === undefined ? 'required' : code(JSON.stringify(fallback)),
    description,
  ];
}

function typeText(schema: JsonObject): string {
  const { type, enum: members, items, minimum, maximum } = schema;
  if (Array.isArray(members)) return codes(members.map(String));
  if (type === 'array') return `list of ${typeText((items ?? {}) as JsonObject)}`;
  if (type === 'object') return 'map';
  const range = [
    minimum === undefined ? '' : `from ${JSON.stringify(minimum)}`,
    maximum === undefined ? '' : `to ${JSON.stringify(maximum)}`,
  ];
  return [typeof type === 'string' ? type : 'value', ...range].filter((part) => part !== '').join(' ');
}

function policyRow(policy: PackPolicyDescription): readonly string[] {
  const given = policy.if_parameter === undefined ? '' : ` Only with ${code(policy.if_parameter)}.`;
  const absent = policy.unless_parameter === undefined ? '' : ` Not with ${code(policy.unless_parameter)}.`;
  const what = policy.description === undefined ? `${policy.name}.` : `${policy.name}. ${policy.description}`;
  return [
    code(policy.slug),
    policy.type === undefined ? code(policy.effect) : `${code(policy.effect)} (type ${code(policy.type)})`,
    policy.priority === undefined ? '' : JSON.stringify(policy.priority),
    `${what}${given}${absent}`,
    policy.frameworks.join(', '),
  ];
}

/** One table per framework: its clauses in order, and the policies that serve each. */
function frameworkTables(packs: readonly PackDescription[]): readonly string[] {
  const served = packs.flatMap((pack) =>
    pack.policies.flatMap(({ slug, frameworks }) =>
      frameworks.map((text) => {
        const [framework = '', ...clause] = text.split(' ');
        return { framework, clause: clause.join(' '), policy: `${pack.name}/${slug}` };
      }),
    ),
  );
  const byFramework = Map.groupBy(served, ({ framework }) => framework);
  return [...byFramework]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([framework, rows]) => {
      const byClause = Map.groupBy(rows, ({ clause }) => clause);
      const clauses = [...byClause].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
      return [
        `### ${framework}`,
        table(
          ['clause', 'policies'],
          clauses.map(([clause, policies]) => [clause, codes([...new Set(policies.map(({ policy }) => policy))])]),
        ),
      ];
    });
}
