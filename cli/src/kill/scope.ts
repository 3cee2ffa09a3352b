import type { KillScope } from '@portcullis/policy/trust';
import { usageFault } from '../faults.js';

/** What the command line says is to be stopped. */
export interface ScopeFlags {
  readonly agent?: string;
  readonly tenant?: string;
  readonly tool?: string;
  readonly all?: boolean;
}

/** Splits at the first slash: tenants and servers have none, tools may. */
function pair(flag: string, text: string, expected: string): readonly [string, string] {
  const at = text.indexOf('/');
  const [first, second] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || second === '') throw usageFault(`${flag}: expected ${expected}`);
  return [first, second];
}

/** The scope. @throws PortcullisError `ERR_CLI_USAGE` unless exactly one is named. */
export function scopeOf({ agent, tenant, tool, all }: ScopeFlags): KillScope {
  const scopes: KillScope[] = [];
  if (agent !== undefined) {
    const [owner, id] = pair('--agent', agent, 'TENANT/ID, e.g. acme/analyst');
    scopes.push({ kind: 'agent', tenant: owner, agent: id });
  }
  if (tenant !== undefined) scopes.push({ kind: 'tenant', tenant });
  if (tool !== undefined) {
    const [server, name] = pair(
      '--tool',
      tool,
      'SERVER/NAME, e.g. github/delete_repo, or github/* for the whole server',
    );
    scopes.push({ kind: 'tool', server, name });
  }
  if (all === true) scopes.push({ kind: 'all' });
  const [scope, ...more] = scopes;
  if (scope !== undefined && more.length === 0) return scope;
  throw usageFault('expected exactly one of --agent TENANT/ID, --tenant T, --tool SERVER/NAME, --all');
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `90s`, `15m`, `8h`, `7d`, in milliseconds. @throws PortcullisError `ERR_CLI_USAGE`. */
export function durationMs(flag: string, text: string): number {
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,5})([smhd])$/.exec(text) ?? [];
  const scale = UNITS[unit];
  if (scale === undefined) throw usageFault(`${flag}: expected a duration such as 90s, 15m, 8h or 7d`);
  return Number(count) * scale;
}
