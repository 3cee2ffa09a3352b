/** Finds the kill that stops a request, in a fixed number of look-ups however many kills there are. */

import type { CanonicalRequest, DenyReason } from '@portcullis/policy/model';
import { isKillInForce, type Kill, type KillScope } from '@portcullis/policy/trust';

/** Why a request is stopped, or `undefined`; `now` is epoch milliseconds. */
export type FindKill = (request: CanonicalRequest, now: number) => DenyReason | undefined;

const ANY = '*';

/** Builds the look-up. */
export function indexKills(kills: readonly Kill[]): FindKill {
  if (kills.length === 0) return () => undefined;
  const byKey = Map.groupBy(kills, ({ scope }) => keyOf(scope));
  /** A request that does not say which server it is about may be about any. */
  const byToolName = Map.groupBy(
    kills.filter(({ scope }) => scope.kind === 'tool' && scope.name !== ANY),
    ({ scope }) => (scope.kind === 'tool' ? scope.name : ''),
  );
  return (request, now) => {
    const { tenant_id: tenant, agent, tool } = request;
    const candidates: readonly (readonly [readonly Kill[] | undefined, string])[] = [
      [byKey.get(ALL), ''],
      [byKey.get(tenantKey(tenant)), 'tenant_id'],
      [byKey.get(agentKey(tenant, agent.id)), 'agent.id'],
      ...(tool === undefined ? [] : toolCandidates(tool.server, tool.name)),
    ];
    for (const [found, path] of candidates) {
      const kill = found?.find((candidate) => isKillInForce(candidate, now));
      if (kill !== undefined) return reasonOf(kill, path);
    }
    return undefined;
  };

  function toolCandidates(
    server: string | undefined,
    name: string | undefined,
  ): readonly (readonly [readonly Kill[] | undefined, string])[] {
    if (server === undefined) return name === undefined ? [] : [[byToolName.get(name), 'tool.name']];
    return [
      [byKey.get(serverKey(server)), 'tool.server'],
      [name === undefined ? undefined : byKey.get(toolKey(server, name)), 'tool.name'],
    ];
  }
}

function keyOf(scope: KillScope): string {
  switch (scope.kind) {
    case 'all':
      return ALL;
    case 'tenant':
      return tenantKey(scope.tenant);
    case 'agent':
      return agentKey(scope.tenant, scope.agent);
    case 'tool':
      return scope.name === ANY ? serverKey(scope.server) : toolKey(scope.server, scope.name);
  }
}

function reasonOf(kill: Kill, path: string): DenyReason {
  return { code: 'KILL_SWITCH', message: `stopped by the kill switch (${kill.id}): ${kill.reason}`, path };
}

const ALL = 'all';
// JSON keeps the parts apart, whatever characters a tool's name has.
const tenantKey = (tenant: string): string => JSON.stringify(['tenant', tenant]);
const agentKey = (tenant: string, agent: string): string => JSON.stringify(['agent', tenant, agent]);
const serverKey = (server: string): string => JSON.stringify(['server', server]);
const toolKey = (server: string, name: string): string => JSON.stringify(['tool', server, name]);
