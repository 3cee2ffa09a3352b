/** Shows the local agent the cards of its peers: decided, led through the sidecar, with the skills that it may use. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Clock, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import { type Account, createAccounts } from '../../enforce/account.js';
import { isRefusal } from '../../enforce/guard.js';
import type { Permit } from '../../enforce/permit.js';
import { redactMessage } from '../../redact/message.js';
import type { ExchangeObserver, RelayOutcome } from '../exchange-outcome.js';
import { isObject } from '../mcp/message.js';
import type { Enforcement } from '../surface.js';
import { peerError, refusalError } from './answer.js';
import type { AgentCard } from './card.js';
import { cardView } from './card-view.js';
import type { Turn } from './exchange.js';
import { GENERATIONS } from './methods.js';

/** Names of attempts that are no message. */
export const CARD_OPERATIONS = {
  /** GET: the agent looks at the card. */
  read: 'http/agent-card.get',
  /** Asked for every skill of a card: may the agent use it? */
  skill: 'agent-card/skill',
} as const;

/** What it needs. */
export interface CardDeskOptions extends Enforcement {
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly observer: Pick<ExchangeObserver, 'carriedOut'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** Shows cards. */
export interface CardDesk {
  /** Answers a GET. */
  show(turn: Turn): Promise<void>;
  /** The extended card that a peer answered with, as the agent may have it. */
  extended(turn: Turn, card: AgentCard, result: Json): Promise<JsonObject>;
}

/** Skills that are asked about at once. */
const AT_ONCE = 16;
/** An extended card is no larger than that; each skill costs a question. */
const MAX_SKILLS = 256;

/** Makes it. */
export function createCardDesk(options: CardDeskOptions): CardDesk {
  const { guard, refuser, requestOf, client, observer, clock } = options;
  const openAccount = createAccounts(client, clock);

  async function visible(turn: Turn, card: AgentCard, skills: readonly string[]): Promise<ReadonlySet<string>> {
    if (skills.length > MAX_SKILLS) throw new PortcullisError('ERR_INTERNAL', 'corrupt', 'a card has too many skills');
    const url = GENERATIONS.flatMap((generation) => card.endpoints.get(generation) ?? [])[0]?.url.href;
    const shown = new Set<string>();
    const ask = async (skill: string): Promise<void> => {
      const { name } = turn.peer;
      const request = requestOf({
        behalf: turn.behalf,
        kind: 'a2a',
        peer: { agent_id: name, skill, ...(url === undefined ? {} : { url }) },
        tool: {
          server: name,
          name: skill,
          operation: CARD_OPERATIONS.skill,
          attributes: { direction: 'client_to_server' },
        },
      });
      const askedAt = clock.monotonic();
      const outcome = await guard({ request, server: name, direction: 'client_to_server', payload: undefined });
      if (isRefusal(outcome)) {
        // What a person may agree to is no secret: the agent has to know it to ask for it.
        if (outcome.outcome === 'held') shown.add(skill);
        return;
      }
      shown.add(skill);
      // Nothing is carried out by knowing of it, so nothing is used up.
      const { decision_id, request_digest } = outcome;
      const duration_ms = Math.max(0, Math.round(clock.monotonic() - askedAt));
      client.settle({ decision_id, request_digest, outcome: 'refused', duration_ms });
    };
    for (let at = 0; at < skills.length; at += AT_ONCE) await Promise.all(skills.slice(at, at + AT_ONCE).map(ask));
    return shown;
  }

  /** A card is a result like any other: what its decision orders about one is done before anybody has it. */
  async function bring(turn: Turn, card: AgentCard, permit: Permit, account: Account): Promise<RelayOutcome> {
    const value = await redacted(card.value, permit);
    const view = cardView(value, card, turn.address, await visible(turn, card, card.skills));
    if (turn.response.destroyed) return 'upstream_failed';
    if (await account.release(view)) {
      send(turn, 200, JSON.stringify(view));
      return 'forwarded';
    }
    send(turn, 502, peerError(undefined, 'its card could not be recorded'));
    return 'upstream_failed';
  }

  return {
    async show(turn) {
      const { peer } = turn;
      const request = requestOf({
        behalf: turn.behalf,
        kind: 'session',
        peer: { agent_id: peer.name },
        tool: { server: peer.name, operation: CARD_OPERATIONS.read, attributes: { direction: 'client_to_server' } },
      });
      const outcome = await guard({ request, server: peer.name, direction: 'client_to_server', payload: undefined });
      if (isRefusal(outcome)) {
        send(turn, outcome.httpStatus, refusalError(undefined, outcome));
        return;
      }
      const account = openAccount(outcome);
      let ended: RelayOutcome = 'upstream_failed';
      try {
        const looked = await peer.cards.current();
        if (looked.ok) ended = await bring(turn, looked.card, outcome, account);
        else {
          const message = `the agent cannot be spoken to: ${looked.reason}`;
          const { decision_id } = outcome;
          const refusal = refuser.refuse('IDENTITY_REJECTED', { message, decision_id, request });
          send(turn, 502, refusalError(undefined, refusal));
        }
      } finally {
        if (ended === 'forwarded') observer.carriedOut('a2a_proxy', ended);
        account.settle(ended);
      }
    },
    async extended(turn, card, result) {
      const value = isObject(result) ? result : {};
      const skills = Array.isArray(value['skills']) ? (value['skills'] as readonly Json[]) : [];
      const ids = skills.flatMap((skill) => (isObject(skill) && typeof skill['id'] === 'string' ? [skill['id']] : []));
      return cardView(value, card, turn.address, await visible(turn, card, [...new Set(ids)]));
    },
  };
}

/** As though it were the answer to a message; where it leads is written anew afterwards. @throws Error when it cannot be redacted */
async function redacted(card: JsonObject, permit: Permit): Promise<JsonObject> {
  if (permit.redaction === undefined) return card;
  const answer = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result: card }));
  const bytes = await redactMessage(permit, answer);
  const read = parseStrictJson(bytes, { maxBytes: bytes.length });
  const result = read.ok && isObject(read.value) ? read.value['result'] : undefined;
  if (!isObject(result)) throw new TypeError('what is left is no card');
  return result;
}

function send({ response }: Turn, status: number, text: string): void {
  if (response.destroyed || response.headersSent) return;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  };
  response.writeHead(status, headers);
  response.end(text);
}
