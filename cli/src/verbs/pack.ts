import { describePack, type PackDescription, type PartChanges } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { addPack } from '../pack/add-pack.js';
import { builtInPacks, openPack } from '../pack/pack-library.js';
import { type UpgradeResult, upgradePack } from '../pack/upgrade-pack.js';
import { usedPacks } from '../pack/used-packs.js';
import { reportProblems } from '../problems.js';
import { printJson, printTable, type Shell } from '../shell.js';
import { collect, examples } from './arguments.js';

interface JsonFlag {
  readonly json: boolean;
}

interface AddFlags {
  readonly from?: string;
  readonly name?: string;
  readonly layer?: string;
  readonly tenant?: string;
  readonly workspace?: string;
  readonly set: readonly string[];
  readonly env: readonly string[];
  readonly force: boolean;
}

interface UpgradeFlags extends JsonFlag {
  readonly from?: string;
  readonly to?: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

const FROM = ['--from <FOLDER>', 'a pack of your own, instead of a built-in one'] as const;

/** Adds `pack list`, `pack show`, `pack add` and `pack upgrade`. */
export function addPackVerbs(program: Command, shell: Shell): void {
  const pack = program.command('pack').description('policies ready to use: list, show, add and upgrade them');
  addList(pack, shell);
  addShow(pack, shell);
  addAdd(pack, shell);
  addUpgrade(pack, shell);
}

function addList(pack: Command, shell: Shell): void {
  pack
    .command('list')
    .description('list the packs that there are, and with a policy directory those that it uses')
    .argument('[DIR]', 'a policy directory')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['what there is', 'portcullis pack list'],
        ['what the bundle uses, and in which version', 'portcullis pack list policies'],
      ),
    )
    .action(async (directory: string | undefined, flags: JsonFlag) => {
      const used = directory === undefined ? undefined : await usedPacks(directory);
      const packs = (await builtInPacks()).map(describePack);
      if (flags.json) {
        const rows = packs.map(({ name, version, category, layer, title }) => ({
          name,
          version,
          category,
          layer,
          title,
        }));
        printJson(shell, { packs: rows, ...(used === undefined ? {} : { used }) });
        return;
      }
      if (used !== undefined) {
        printTable(shell, [
          ['PACK', 'VERSION', 'AVAILABLE', 'EDITED', 'SETS'],
          ...used.map(({ name, version, available, edited, sets }) => [
            name,
            version,
            available ?? '',
            edited ? 'yes' : 'no',
            sets.join(', '),
          ]),
        ]);
        return;
      }
      printTable(shell, [
        ['PACK', 'VERSION', 'CATEGORY', 'LAYER', 'TITLE'],
        ...packs.map(({ name, version, category, layer, title }) => [name, version, category, layer, title]),
      ]);
    });
}

function addShow(pack: Command, shell: Shell): void {
  pack
    .command('show')
    .description('show what a pack does: its parameters, its policies, what it requires')
    .argument('<NAME>', 'the name of a pack')
    .option(...FROM)
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples(['what can be set', 'portcullis pack show filesystem']))
    .action(async (name: string, flags: JsonFlag & { readonly from?: string }) => {
      const opened = await openPack(name, flags.from);
      if (!opened.ok) {
        reportProblems(shell, opened.problems, { json: flags.json, what: flags.from ?? name });
        return;
      }
      const description = describePack(opened.value.pack);
      if (flags.json) printJson(shell, description);
      else printPack(shell, description);
    });
}

function printPack(shell: Shell, pack: PackDescription): void {
  const { terminal } = shell;
  terminal.data(`${pack.name} ${pack.version}: ${pack.title}`);
  terminal.data(`  ${pack.description}`);
  terminal.data(`  category ${pack.category}, layer ${pack.layer}, ${pack.combining}, ${pack.priority_order}`);
  for (const [name, range] of Object.entries(pack.requires)) terminal.data(`  requires ${name} ${range}`);
  terminal.data('');
  terminal.data(pack.parameters.length === 0 ? 'no parameters' : 'parameters');
  for (const { name, description, default: fallback } of pack.parameters) {
    terminal.data(`  ${name} ${fallback === undefined ? '(required)' : `= ${JSON.stringify(fallback)}`}`);
    terminal.data(`      ${description}`);
  }
  terminal.data('');
  terminal.data('policies');
  for (const { slug, effect, type, name, if_parameter, unless_parameter } of pack.policies) {
    const when = if_parameter === undefined ? '' : `, with ${if_parameter}`;
    const unless = unless_parameter === undefined ? '' : `, without ${unless_parameter}`;
    terminal.data(`  ${slug} [${type === undefined ? '' : `${type}: `}${effect}${when}${unless}] ${name}`);
  }
}

function addAdd(pack: Command, shell: Shell): void {
  pack
    .command('add')
    .description('copy a pack into a policy directory and add a set to its bundle.yaml')
    .argument('<NAME>', 'the name of a pack')
    .argument('[DIR]', 'a directory with a bundle.yaml', '.')
    .option('--set <NAME=VALUE>', 'a value of a parameter, as YAML; repeat for several', collect, [])
    .option('--env <ENV:NAME=VALUE>', 'a value for dev, staging or prod; repeat for several', collect, [])
    .option('--name <NAME>', "the name of the set; the pack's when absent")
    .option('--layer <LAYER>', "platform, tenant or workspace; the pack's when absent")
    .option('--tenant <ID>', 'only requests of this tenant')
    .option('--workspace <ID>', 'only requests of this workspace')
    .option(...FROM)
    .option('--force', 'replace what is there, also if it was edited', false)
    .addHelpText(
      'after',
      examples(
        ['a start', 'portcullis pack add base policies'],
        [
          'with values, stricter in production',
          "portcullis pack add filesystem policies --set 'allowed_roots=[/srv/data]' --env prod:write_effect=deny",
        ],
        ['a second time, for one tenant', 'portcullis pack add time-of-day policies --name acme-hours --tenant acme'],
      ),
    )
    .action(async (name: string, directory: string, flags: AddFlags) => {
      const added = await addPack({ pack: name, directory, ...flags });
      if (!added.ok) {
        reportProblems(shell, added.problems, { json: false, what: 'nothing was added', directory });
        return;
      }
      for (const file of added.written) shell.terminal.data(file);
      shell.terminal.say(
        `added ${added.pack}@${added.version} as the set "${added.set}" of the layer ${added.layer}`,
        'good',
      );
    });
}

function addUpgrade(pack: Command, shell: Shell): void {
  pack
    .command('upgrade')
    .description('replace a pack of a policy directory by another version, after showing what changes')
    .argument('<NAME>', 'the name of a pack that the directory uses')
    .argument('[DIR]', 'a directory with a bundle.yaml', '.')
    .option('--to <VERSION>', 'the version wanted; the one there is when absent')
    .option(...FROM)
    .option('--dry-run', 'only show what would change', false)
    .option('--force', 'lose changes of your own', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['what would change', 'portcullis pack upgrade filesystem policies --dry-run'],
        ['what it does to requests', 'portcullis diff bundle.tar.gz policies'],
      ),
    )
    .action(async (name: string, directory: string, flags: UpgradeFlags) => {
      const result = await upgradePack({ pack: name, directory, ...flags });
      if (flags.json) printJson(shell, result);
      else printPlan(shell, result);
      finishUpgrade(shell, result, directory);
    });
}

function printPlan(shell: Shell, { plan, blocked }: UpgradeResult): void {
  if (blocked === 'up_to_date') return;
  shell.terminal.data(`${plan.pack} ${plan.from} -> ${plan.to} in ${plan.folder}, sets: ${plan.sets.join(', ')}`);
  printParts(shell, 'policy', plan.changes.policies);
  printParts(shell, 'parameter', plan.changes.parameters);
  for (const key of plan.changes.manifest) shell.terminal.data(`~ pack.yaml ${key}`);
}

function printParts(shell: Shell, what: string, { added, removed, changed }: PartChanges): void {
  for (const name of added) shell.terminal.data(`+ ${what} ${name}`);
  for (const name of removed) shell.terminal.data(`- ${what} ${name}`);
  for (const { name, keys } of changed) shell.terminal.data(`~ ${what} ${name} (${keys.join(', ')})`);
}

function finishUpgrade(shell: Shell, { plan, applied, blocked }: UpgradeResult, directory: string): void {
  const { terminal } = shell;
  if (blocked === 'up_to_date') {
    terminal.say(`${plan.pack} ${plan.from} is what there is`, 'good');
    return;
  }
  if (plan.edited) {
    const lost = applied ? 'those changes are gone' : 'an upgrade would lose those changes; pass --force if it may';
    terminal.say(`${directory}/${plan.folder} was edited: ${lost}`, 'warning');
  }
  for (const problem of plan.problems) terminal.say(formatProblem(problem), 'bad');
  if (applied) terminal.say(`upgraded ${plan.pack} to ${plan.to}, ${plan.files.length} files`, 'good');
  else if (blocked !== 'dry_run') terminal.say('nothing was changed', 'bad');
  if (plan.problems.length > 0) shell.exit(EXIT.policyInvalid);
  else if (blocked === 'edited') shell.exit(EXIT.failure);
}
