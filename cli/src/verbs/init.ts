import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { usageFault } from '../faults.js';
import { writeNewFiles } from '../files/private-files.js';
import { planFolder } from '../init/plan-folder.js';
import { TEMPLATE_NAMES, TEMPLATES, type TemplateName } from '../init/templates.js';
import { printJson, type Shell } from '../shell.js';
import { examples } from './arguments.js';

interface InitFlags {
  readonly template: TemplateName;
  readonly name?: string;
  readonly force: boolean;
  readonly json: boolean;
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/** Adds `init`. */
export function addInitVerb(program: Command, shell: Shell): void {
  const templates = TEMPLATE_NAMES.map((name) => `${name} (${TEMPLATES[name].description})`).join(', ');
  program
    .command('init')
    .description('begin a policy directory: policies that work, their tests, and schemas for editors')
    .argument('<DIR>', 'the directory; it is made when it is not there')
    .addOption(new Option('--template <NAME>', templates).choices(TEMPLATE_NAMES).default('tools'))
    .option('--name <NAME>', 'the name of the bundle; that of the directory when absent')
    .option('--force', 'replace files that are there', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      examples(
        ['policies for tools, and then', 'portcullis init policies'],
        ['… see that all is well', 'portcullis lint policies && portcullis test policies'],
      ),
    )
    .action(async (directory: string, flags: InitFlags) => {
      const name = flags.name ?? basename(resolve(directory));
      if (!NAME.test(name)) {
        throw usageFault(`"${name}" cannot be the name of a bundle (letters, digits and . _ -): pass --name`);
      }
      const files = planFolder(name, TEMPLATES[flags.template]);
      await writeNewFiles(directory, files, { force: flags.force });
      if (flags.json) printJson(shell, { directory, template: flags.template, files: files.map(({ path }) => path) });
      else for (const { path } of files) shell.terminal.data(`${directory}/${path}`);
      shell.terminal.say(`${directory}: next, portcullis lint ${directory} and portcullis test ${directory}`, 'good');
    });
}
