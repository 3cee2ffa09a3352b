import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { printJson, printTable, type Shell } from '../shell.js';
import { readAcceptedTools, readSeenTools, type SeenTool, writeAcceptedTools } from '../tools/tool-files.js';
import { examples } from './arguments.js';

interface ListFlags {
  readonly state: string;
  readonly all: boolean;
  readonly json: boolean;
}

interface AcceptFlags {
  readonly state: string;
  readonly accepted: string;
  readonly digest: string;
}

const STATE_HELP = 'what the sidecar saw: its `definitions.stateFile`';

/** Nothing that a server composed may speak to the terminal. */
function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

function rowOf({ server, name, digest, seen, quarantined }: SeenTool): readonly string[] {
  const { digest: current, reason, at } = quarantined ?? { digest, reason: 'stands', at: seen };
  return [server, name, reason, at, current].map(plain);
}

function addList(tools: Command, shell: Shell): void {
  tools
    .command('list')
    .description('show the definitions of tools that are quarantined')
    .requiredOption('--state <FILE>', STATE_HELP)
    .option('--all', 'those that stand as well', false)
    .option('--json', 'JSON, with the definitions themselves', false)
    .addHelpText(
      'after',
      examples(
        ['what waits to be accepted', 'portcullis tools list --state /var/lib/portcullis/tools.json'],
        ['what they say', 'portcullis tools list --state /var/lib/portcullis/tools.json --json'],
      ),
    )
    .action(async ({ state, all, json }: ListFlags) => {
      const seen = await readSeenTools(state);
      const shown = all ? seen : seen.filter(({ quarantined }) => quarantined !== undefined);
      if (json) printJson(shell, { tools: shown });
      else if (shown.length === 0) shell.terminal.data('no definition is quarantined');
      else printTable(shell, [['SERVER', 'TOOL', 'WHY', 'SINCE', 'DIGEST'], ...shown.map(rowOf)]);
    });
}

function addAccept(tools: Command, shell: Shell): void {
  tools
    .command('accept')
    .description('accept the definition of a tool, and no other one of it')
    .argument('<SERVER>', 'as the sidecar names it')
    .argument('<TOOL>', 'the name of the tool')
    .requiredOption('--digest <SHA256>', 'of the definition that you looked at, as "tools list" names it')
    .requiredOption('--state <FILE>', STATE_HELP)
    .requiredOption('--accepted <FILE>', "where it is written: the sidecar's `definitions.acceptedFile`")
    .addHelpText(
      'after',
      examples([
        'after a look',
        'portcullis tools accept files read --digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ' +
          '--state tools.json --accepted accepted.json',
      ]),
    )
    .action(async (server: string, name: string, { digest, state, accepted }: AcceptFlags) => {
      const seen = (await readSeenTools(state)).find((tool) => tool.server === server && tool.name === name);
      const offered = seen === undefined ? [] : [seen.digest, ...(seen.quarantined ? [seen.quarantined.digest] : [])];
      // What was looked at is what is accepted: the server may have changed it again meanwhile.
      if (!offered.includes(digest)) {
        const known = offered.length === 0 ? 'the tool was never seen' : `it has ${offered.join(' and ')}`;
        throw new PortcullisError('ERR_TOOL_UNSEEN', 'invalid', `--digest: no such definition was seen; ${known}`);
      }
      const others = (await readAcceptedTools(accepted)).filter((tool) => tool.server !== server || tool.name !== name);
      await writeAcceptedTools(accepted, [...others, { server, name, digest }]);
      shell.terminal.say(`accepted ${plain(server)}/${plain(name)}`, 'good');
    });
}

/** Adds `tools list` and `tools accept`. */
export function addToolVerbs(program: Command, shell: Shell): void {
  const tools = program
    .command('tools')
    .helpCommand(false)
    .description('look at the definitions of tools that a sidecar keeps from its agent, and accept them');
  addList(tools, shell);
  addAccept(tools, shell);
}
