import { randomBytes } from 'node:crypto';
import { isKillInForce, type Kill, scopeText } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { usageFault } from '../faults.js';
import { changeKills, type KillResult, readKills } from '../kill/change-kills.js';
import { type KillReach, reachKeepers } from '../kill/reach.js';
import { durationMs, type ScopeFlags, scopeOf } from '../kill/scope.js';
import { printable } from '../printable.js';
import { type CliContext, loadContext } from '../release/connection.js';
import { printJson, type Shell } from '../shell.js';
import { readSigningKeys } from '../trust/keys.js';
import { collect, examples } from './arguments.js';
import { pinnedRoot, type SigningFlags, withConnectionFlags, withSigningFlags } from './release-flags.js';

interface KillFlags extends SigningFlags, ScopeFlags {
  readonly pdp?: readonly string[];
  readonly reason?: string;
  readonly expires?: string;
  readonly json: boolean;
}

const PDP_HELP = 'the HTTPS address of a PDP, reached even when the distributor is down; may be repeated';

function withKillFlags(verb: Command): Command {
  return withSigningFlags(withConnectionFlags(verb)).option('--pdp <URL>', PDP_HELP, collect);
}

async function withKeepers<T>(
  shell: Shell,
  flags: KillFlags,
  work: (reach: KillReach, context: CliContext) => Promise<T>,
): Promise<T> {
  const context = loadContext(flags);
  const reach = await reachKeepers(context, [...context.pdps, ...(flags.pdp ?? [])], shell.signal);
  try {
    return await work(reach, context);
  } finally {
    await reach.close();
  }
}

async function change(
  shell: Shell,
  flags: KillFlags,
  edit: (kills: readonly Kill[], actor: string) => readonly Kill[],
): Promise<readonly [KillResult, KillReach]> {
  const { keys } = flags;
  if (keys === undefined) throw usageFault('--keys: expected a folder with the kills key, e.g. --keys trust/keys');
  return withKeepers(shell, flags, async (reach, context) => {
    const result = await changeKills({
      endpoints: reach.endpoints,
      rootBytes: await pinnedRoot(context),
      env: context.env,
      keys: await readSigningKeys(keys),
      clock: shell.clock,
      change: (kills) => edit(kills, reach.actor),
    });
    return [result, reach] as const;
  });
}

/** Says who took it and who did not; a PDP that did not makes the exit code. */
function report(shell: Shell, what: string, flags: KillFlags, [result, reach]: readonly [KillResult, KillReach]): void {
  const { list, taken, missing } = result;
  if (flags.json) {
    printJson(shell, {
      seq: list.seq,
      kills: list.kills,
      taken: taken.map(({ name }) => name),
      missing: missing.map(([{ name }, fault]) => ({ name, why: fault.message })),
      over_the_channel: reach.indirect,
    });
  } else {
    shell.terminal.data(
      `${what}; kill list ${list.seq}, taken by ${taken.map(({ name }) => name).join(', ') || 'nobody'}`,
    );
  }
  for (const [{ name }, fault] of missing) shell.terminal.say(`not taken by ${name}: ${fault.message}`, 'bad');
  if (reach.indirect.length > 0)
    shell.terminal.say(`over the channel, not confirmed: ${reach.indirect.join(', ')}`, 'warning');
  const pdps = reach.endpoints.filter(({ kind }) => kind === 'pdp').length;
  if (pdps === 0) shell.terminal.say('no PDP was reached directly: name them with --pdp or `pdps`', 'warning');
  if (missing.length > 0) {
    shell.terminal.say(
      'PDPs that did not take it learn it from the distributor; run the same again to retry',
      'warning',
    );
    shell.exit(EXIT.notConverged);
  }
}

function addList(kill: Command, shell: Shell): void {
  withKillFlags(kill.command('list').description('show what is stopped, and who knows of it'))
    .addHelpText('after', examples(['what is stopped in prod', 'portcullis kill list --env prod --root root.json']))
    .action(async (_own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<KillFlags>();
      const newest = await withKeepers(shell, flags, async (reach, context) =>
        readKills({ endpoints: reach.endpoints, rootBytes: await pinnedRoot(context), env: context.env }),
      );
      const keepers = newest.answers.map(([{ name }, answer]) =>
        answer instanceof PortcullisError ? { name, why: answer.message } : { name, seq: answer.seq },
      );
      if (flags.json) {
        printJson(shell, { seq: newest.seq, kills: newest.kills, keepers });
        return;
      }
      const now = shell.clock.now();
      for (const one of newest.kills) {
        const until =
          one.expires === undefined ? '' : `  ${isKillInForce(one, now) ? 'until' : 'ended'} ${one.expires}`;
        const line = `${one.id}  ${scopeText(one.scope)}  ${one.at}  ${one.actor}  ${one.reason}${until}`;
        shell.terminal.data(printable(line));
      }
      if (newest.kills.length === 0) shell.terminal.data('nothing is stopped');
      for (const { name, seq, why } of keepers as readonly { name: string; seq?: number; why?: string }[]) {
        const state = seq === newest.seq ? `has list ${newest.seq}` : (why ?? `has list ${seq}, behind`);
        shell.terminal.say(`${name}: ${state}`, seq === newest.seq ? 'dim' : 'warning');
      }
    });
}

function addLift(kill: Command, shell: Shell): void {
  withKillFlags(kill.command('lift').description('end a kill').argument('<ID>', 'as "kill list" names it'))
    .addHelpText(
      'after',
      examples(['let it work again', 'portcullis kill lift k-1f2e3d4c --env prod --keys trust/keys']),
    )
    .action(async (id: string, _own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<KillFlags>();
      let wasThere = false;
      const done = await change(shell, flags, (kills) => {
        wasThere ||= kills.some((one) => one.id === id);
        if (wasThere) return kills.filter((one) => one.id !== id);
        throw new PortcullisError('ERR_CLI_KILL', 'invalid', `there is no kill ${id}`);
      });
      report(shell, `lifted ${id}`, flags, done);
    });
}

/** Adds `kill`, `kill list` and `kill lift`. */
export function addKillVerbs(program: Command, shell: Shell): void {
  const kill = withKillFlags(
    program
      .command('kill')
      .helpCommand(false)
      .description('stop an agent, a tenant, a tool or everything, on every PDP, whatever policy says'),
  )
    .option('--agent <TENANT/ID>', 'one agent')
    .option('--tenant <T>', 'all agents of a tenant')
    .option('--tool <SERVER/NAME>', 'one tool of one server, for everybody; NAME * is the whole server')
    .option('--all', 'everything')
    .option('--reason <TEXT>', 'why; told to whoever is denied')
    .option('--expires <DURATION>', 'ends by itself after, e.g. 15m, 8h, 7d; without it only by "kill lift"')
    .addHelpText(
      'after',
      examples(
        ['stop an agent', 'portcullis kill --agent acme/analyst --reason "exfiltration" --env prod --keys trust/keys'],
        [
          'the distributor is down',
          'portcullis kill --all --keys trust/keys --pdp https://pdp-1:7443 --pdp https://pdp-2:7443',
        ],
      ),
    )
    .action(async (_own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<KillFlags>();
      const scope = scopeOf(flags);
      const id = `k-${randomBytes(4).toString('hex')}`;
      const now = shell.clock.now();
      const expires = flags.expires === undefined ? undefined : now + durationMs('--expires', flags.expires);
      const done = await change(shell, flags, (kills, actor) => [
        ...kills.filter((one) => one.id !== id),
        {
          id,
          scope,
          reason: flags.reason ?? 'no reason given',
          actor,
          at: new Date(now).toISOString(),
          ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
        },
      ]);
      report(shell, `stopped ${scopeText(scope)} as ${id}`, flags, done);
    });
  addList(kill, shell);
  addLift(kill, shell);
}
