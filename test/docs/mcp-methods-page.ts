import { methodTable } from '@portcullis/sidecar';
import { code, markdownPage, type Page, table } from './page.js';

/** What decides the kind of the methods whose kind depends on their parameters. */
const KIND_BY_PARAMETERS: Readonly<Record<string, string>> = {
  'subscriptions/listen': '`session`; `resource` when `params.notifications.resourceSubscriptions` names any resource',
  'completion/complete': '`prompt`; `resource` when `params.ref.type` is `ref/resource`',
};

const ERAS = { legacy: 'up to 2025-11-25', modern: 'from 2026-07-28' } as const;

type Direction = Parameters<typeof methodTable>[0];

/** What a server says without asking belongs to the exchange that has a permit already (ADR-0006). */
function isAnswerless(direction: Direction, shape: string): boolean {
  return direction === 'server_to_client' && shape === 'notification';
}

function rowsOf(direction: Direction): readonly (readonly string[])[] {
  return [...methodTable(direction)].map(([method, row]) => {
    const noted = KIND_BY_PARAMETERS[method];
    if ((typeof row.kind === 'function') !== (noted !== undefined)) {
      throw new Error(`${method}: say in mcp-methods-page.ts what its kind depends on, or that it no longer does`);
    }
    return [
      code(method),
      row.shape,
      row.eras.length === 2 ? 'both' : row.eras.map((era) => ERAS[era]).join(', '),
      isAnswerless(direction, row.shape) ? 'none' : typeof row.kind === 'string' ? code(row.kind) : (noted ?? ''),
      row.name === undefined ? '' : code(`params.${row.name.field}`),
      row.args === 'arguments' ? code('params.arguments') : 'all of `params` but `_meta`',
    ];
  });
}

/** `docs/reference/mcp-methods.md`. */
export function mcpMethodsPage(): Page {
  const head = ['method', 'shape', 'generation', 'kind of attempt', '`tool.name`', '`tool.arguments`'];
  return markdownPage('docs/reference/mcp-methods.md', 'MCP methods', [
    'Every method that the sidecar lets a message have, in both directions and both protocol generations. The list is ' +
      'closed: whatever is not here is refused with `METHOD_UNKNOWN` before anybody is asked. Everything that an agent ' +
      'says and every request of a server is decided by policy; no method passes by itself ' +
      '([ADR-0006](../adr/0006-everything-is-decided.md)).',
    'The kind of attempt is what `on:` of a policy names and what the field `kind` holds. In every question ' +
      '`tool.operation` is the method, `tool.server` the name of the upstream server, and `tool.attributes.direction` is ' +
      '`client_to_server` or `server_to_client`.',
    '## From the agent to the server',
    table(head, rowsOf('client_to_server')),
    'Over HTTP, two verbs that carry no message are decided as well, with the kind `session`: `GET` (the stream on which ' +
      'the server may speak first) as `http/stream.open`, `DELETE` (the end of the session) as `http/session.delete`.',
    '## From the server to the agent',
    'A request is decided before the agent hears it, also where it rides inside a result (`inputRequests`, from ' +
      '2026-07-28). A notification has no question of its own: it belongs to an exchange that was permitted, and a method ' +
      'that is not here is dropped. Responses pass only with the id of a request that is open in that exchange.',
    table(head, rowsOf('server_to_client')),
  ]);
}
