import type { Command } from 'commander';
import type { ConnectionFlags } from '../release/connection.js';
import { type ReleaseStatus, releaseStatus, stateOf } from '../release/status.js';
import { printJson, printLine, printTable, type Shell } from '../shell.js';
import { examples } from './arguments.js';
import { withConnectionFlags, withDistributor } from './release-flags.js';

const SHOWN_RELEASES = 10;

function print(shell: Shell, status: ReleaseStatus): void {
  const { current, env, channel } = status;
  const { terminal } = shell;
  if (current === null) {
    terminal.data(`${env}/${channel}: no release yet`);
  } else {
    printLine(
      shell,
      `${env}/${channel}  seq ${current.seq}  ${current.stable.policy_version}  sha256:${current.stable.sha256}`,
    );
    printLine(
      shell,
      `released ${current.issued_at} by ${current.actor}${current.reason === undefined ? '' : `: ${current.reason}`}`,
    );
    terminal.data(`valid until ${current.not_after}`);
  }
  terminal.data('');
  printTable(shell, [
    ['NODE', 'LIVE', 'STATE', 'SEQ', 'FRESHNESS', 'DIGEST', 'REASON'],
    ...status.nodes.map((node) => [
      node.node,
      node.live ? 'yes' : 'no',
      stateOf(node),
      String(node.active?.release_seq ?? '-'),
      node.freshness,
      node.active?.digest.slice(0, 12) ?? '-',
      node.reason ?? '',
    ]),
  ]);
  terminal.data('');
  printTable(shell, [
    ['SEQ', 'VERSION', 'DIGEST', 'RELEASED', 'REASON'],
    ...status.history
      .slice(0, SHOWN_RELEASES)
      .map((release) => [
        String(release.seq),
        release.stable.policy_version,
        release.stable.sha256.slice(0, 12),
        release.issued_at,
        `${release.reason ?? ''}${release.rollback_of === undefined ? '' : ` (rolls back ${release.rollback_of})`}`.trim(),
      ]),
  ]);
  if (status.converged) terminal.say('every live PDP runs the current release', 'good');
  else if (status.nodes.some(({ live }) => live))
    terminal.say('not every live PDP runs the current release', 'warning');
  else terminal.say(`no PDP of ${env}/${channel} is live`, 'warning');
}

/** Adds `release status`. */
export function addReleaseStatus(release: Command, shell: Shell): void {
  withConnectionFlags(release.command('status').description('show what a channel should run, and what its PDPs do run'))
    .addHelpText('after', examples(['is it everywhere yet?', 'portcullis release status --env prod']))
    .action(async (flags: ConnectionFlags & { readonly json: boolean }) => {
      const status = await withDistributor(shell, flags, async (api, { env, channel }) =>
        releaseStatus(api, { env, channel }),
      );
      if (flags.json) printJson(shell, status);
      else print(shell, status);
    });
}
