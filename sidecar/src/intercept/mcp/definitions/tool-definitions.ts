/** What the definitions of a server's tools decide: which of them an agent is shown, and what a call of one is asked with. */

import { checkSchema, SchemaUnusable } from '@portcullis/policy/content';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { PolicyClient, RefusedTarget } from '../../../ask/port.js';
import { giveBack } from '../../../enforce/account.js';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import type { Permit } from '../../../enforce/permit.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import type { Inspector } from '../inspect.js';
import { isObject, type RpcId } from '../message.js';
import type { Session } from '../sessions.js';
import type { AttemptMaker, Sighting } from '../to-attempt.js';
import { differingMirror } from './argument-mirrors.js';
import type { DefinitionsConfig } from './config.js';
import { type Definition, definitionOf } from './definition.js';
import { OwnRequestRefused } from './fetch-page.js';
import type { Ledger, Observed, QuarantineReason } from './ledger.js';
import { withoutElements, withText } from './list-elements.js';

/** Why a tool is not in a list, besides quarantine. */
export const HIDDEN_REASONS = ['NOT_ALLOWED', 'TOOL_NAME_TWICE', 'TOOL_DEFINITION_UNREADABLE'] as const;
const UNSEEN = 'TOOL_DEFINITION_UNSEEN';
const UNCHECKABLE = 'TOOL_SCHEMA_UNUSABLE';
/** Why a call is refused without asking, besides quarantine. */
export const CALL_REASONS = [UNSEEN, UNCHECKABLE] as const;
/** Most steps that the arguments of one call may take to check: some milliseconds. */
const SCHEMA_STEPS = 100_000;
const MAX_SHOWN_PATH = 256;

/** See {@link HIDDEN_REASONS}. */
export type HiddenReason = (typeof HIDDEN_REASONS)[number] | QuarantineReason;

/** See {@link CALL_REASONS}. */
export type CallReason = (typeof CALL_REASONS)[number] | QuarantineReason;

/** Who hears of it. */
export interface ToolObserver {
  /** A tool was left out of a list that an agent got. */
  toolHidden(reason: HiddenReason): void;
  /** A call was refused because of the tool's definition. */
  quarantinedCall(reason: CallReason): void;
}

/** One page of a list of tools as the server gave it. */
export interface ToolPage {
  readonly result: JsonObject;
}

/** Fetches a page of the list under a permit of its own. Rejects when it cannot be had. */
export type FetchPage = (cursor: string | undefined) => Promise<ToolPage>;

/** A list of tools on its way to an agent. */
export interface ShownList {
  /** Whose answer it is. */
  readonly requestId: RpcId;
  readonly seen: Sighting;
  readonly session: Session;
  /** Under which it was asked for. */
  readonly permit: Permit;
}

/** What calls and lists go through. */
export interface ToolDefinitions {
  /**
   * The message as the agent may have it; other messages than the answer to that request come back as they are.
   * Rejects when it cannot be told: then nobody may have it.
   */
  shown(message: Buffer, list: ShownList): Promise<Buffer>;
  /**
   * The digest that a call is asked with, or why it is refused without asking. Never rejects.
   * @param since the digest that it was asked with before: a tool of another definition is another tool
   */
  ofCall(
    name: string,
    call: {
      readonly args: JsonObject;
      readonly seen: Sighting;
      readonly session: Session;
      readonly fetch: FetchPage;
      readonly since?: string | undefined;
      /** What goes with it over HTTP, by lower-case name. */
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<{ readonly digest: string | undefined } | Refusal>;
}

/** What it needs. */
export interface ToolDefinitionsOptions {
  readonly config: DefinitionsConfig;
  readonly ledger: Ledger;
  /** Asks whether a tool may be shown. */
  readonly guard: Guard;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly attempts: Pick<AttemptMaker, 'fromListing'>;
  readonly inspector: Pick<Inspector, 'read'>;
  readonly observer: ToolObserver;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes it. */
export function createToolDefinitions(options: ToolDefinitionsOptions): ToolDefinitions {
  const { config, ledger, guard, refuser, client, attempts, inspector, observer, clock, log } = options;

  /** Remembers what a page says; in its order, `undefined` for what is no definition or has been in it before. */
  async function observe(
    tools: readonly Json[],
    { server }: Sighting,
    session: Session,
  ): Promise<readonly (Observed | HiddenReason)[]> {
    const names = new Set<string>();
    const read = tools.map((tool): Definition | HiddenReason => {
      const definition = definitionOf(tool);
      if (definition === undefined) return 'TOOL_DEFINITION_UNREADABLE';
      if (names.has(definition.name)) return 'TOOL_NAME_TWICE';
      names.add(definition.name);
      return definition;
    });
    const observed = await ledger.observe(
      server,
      read.filter((one) => typeof one === 'object'),
    );
    const now = clock.monotonic();
    for (const { definition, reason } of observed) {
      if (reason !== 'TOOL_NAME_UNACCEPTABLE') session.tools.set(definition, now, config.maxTools);
    }
    const inOrder = observed.values();
    return read.map((one) => (typeof one === 'string' ? one : (inOrder.next().value ?? 'TOOL_DEFINITION_UNREADABLE')));
  }

  /** Why the agent may not see it; nothing: it may. */
  async function hiddenBy(
    { definition, reason }: Observed,
    { seen, permit: list }: ShownList,
  ): Promise<HiddenReason | undefined> {
    if (reason !== undefined || !config.filterLists) return reason;
    const outcome = await guard(attempts.fromListing(definition, seen));
    if (isRefusal(outcome)) return 'NOT_ALLOWED';
    // A question, not an attempt.
    giveBack(client, outcome);
    // What would have to be redacted of this tool alone is shown to nobody.
    return outcome.redaction !== undefined && list.redaction === undefined ? 'NOT_ALLOWED' : undefined;
  }

  async function fetchAll(seen: Sighting, session: Session, fetch: FetchPage): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < config.maxPages; page += 1) {
      const { result } = await fetch(cursor);
      const { tools, nextCursor } = result;
      if (!Array.isArray(tools)) throw new TypeError('the result has no list of tools');
      await observe(tools, seen, session);
      if (typeof nextCursor !== 'string') return;
      cursor = nextCursor;
    }
  }

  function refused(target: RefusedTarget, reason: CallReason, message: string): Refusal {
    observer.quarantinedCall(reason);
    return refuser.refuse('TOOL_QUARANTINED', {
      message,
      target,
      reason_code: reason,
      path: 'tool.definition_digest',
    });
  }

  /** The digest to ask with where the arguments are what the definition wants. */
  function checked(
    { digest, tool }: Definition,
    { args, headers }: { readonly args: JsonObject; readonly headers: Readonly<Record<string, string>> },
    target: RefusedTarget,
  ): { readonly digest: string } | Refusal {
    const { inputSchema } = tool;
    const differing = isObject(inputSchema) ? differingMirror(inputSchema, args, headers) : undefined;
    if (differing !== undefined) {
      const message = `header mismatch: ${differing} differs from the argument that it repeats`;
      return refuser.refuse('REQUEST_INVALID', { message, target, rpcCode: RPC_CODE.headerMismatch });
    }
    if (!config.checkArguments || inputSchema === undefined) return { digest };
    try {
      if (!isObject(inputSchema)) throw new SchemaUnusable('the schema is no object');
      const problem = checkSchema(inputSchema, args, SCHEMA_STEPS);
      if (problem === undefined) return { digest };
      const path = `tool.arguments${problem.path}`;
      const message = `${path.slice(0, MAX_SHOWN_PATH)}: expected ${problem.expected}, as this tool's schema wants it`;
      return refuser.refuse('REQUEST_INVALID', { message, path, target, rpcCode: RPC_CODE.invalidParams });
    } catch (thrown) {
      if (!(thrown instanceof SchemaUnusable)) return refuser.fault(thrown);
      return refused(target, UNCHECKABLE, `the arguments cannot be checked by this tool's schema: ${thrown.message}`);
    }
  }

  return {
    async shown(message, list) {
      const read = inspector.read(message);
      if (read?.kind !== 'response' || read.id !== list.requestId || read.result === undefined) return message;
      const { tools } = read.result;
      // A reader that ignores case would take one of the two, and only one was looked at.
      if (Object.keys(read.result).some((key) => key !== 'tools' && key.toLowerCase() === 'tools'))
        throw new TypeError('a member differs from tools only by case');
      if (tools === undefined) return message;
      if (!Array.isArray(tools)) throw new TypeError('the tools of a list are no list');
      const observed = await observe(tools, list.seen, list.session);
      const hidden = await inTurns(observed, config.concurrency, async (one) =>
        typeof one === 'string' ? one : hiddenBy(one, list),
      );
      for (const reason of hidden) if (reason !== undefined) observer.toolHidden(reason);
      const isWhole = hidden.every((reason) => reason === undefined);
      // What this agent and its user may see is nobody else's to be shown (2026-07-28, "Choosing a Cache Scope").
      const isShared = read.result['cacheScope'] === 'public' && (config.filterLists || !isWhole);
      if (isWhole && !isShared) return message;
      const given = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message);
      const keeps = (index: number): boolean => index < hidden.length && hidden[index] === undefined;
      const kept = isWhole ? given : withoutElements(given, 'tools', keeps);
      return Buffer.from(isShared ? withText(kept, 'cacheScope', 'private') : kept);
    },
    async ofCall(name, { args, seen, session, fetch, since, headers = {} }) {
      const known = (): Definition | undefined => session.tools.get(name, clock.monotonic(), config.maxAgeMs);
      let definition = known();
      if (definition === undefined && config.unseen === 'ask' && since === undefined) return { digest: undefined };
      if (definition === undefined && config.unseen === 'list') {
        try {
          await session.tools.once(() => fetchAll(seen, session, fetch));
        } catch (thrown) {
          log.warn({ [LOG_FIELD.error]: thrown }, 'Tools could not be listed before a call');
          // Nothing is wrong with the tool where nobody could decide: that is what the agent has to know.
          if (thrown instanceof OwnRequestRefused && thrown.refusal.outcome === 'failed_closed') return thrown.refusal;
        }
        definition = known();
      }
      const target = { server: seen.server, name, operation: 'tools/call' };
      if (definition === undefined) {
        return refused(
          target,
          UNSEEN,
          "this tool's definition was not seen: the server does not list it, or cannot be asked",
        );
      }
      if (since !== undefined && definition.digest !== since)
        return refused(target, 'TOOL_DEFINITION_CHANGED', SINCE_CHANGED);
      if (ledger.standing(seen.server, definition) === undefined) return checked(definition, { args, headers }, target);
      // Somebody may have accepted it since.
      await ledger.refresh();
      const reason = ledger.standing(seen.server, definition);
      return reason === undefined
        ? checked(definition, { args, headers }, target)
        : refused(target, reason, MESSAGES[reason]);
    },
  };
}

const SINCE_CHANGED = "this tool's definition has changed since the call was made: make it again";

const MESSAGES: Readonly<Record<QuarantineReason, string>> = {
  TOOL_NAME_UNACCEPTABLE: 'this tool has a name that may not be called',
  TOOL_DEFINITION_TOO_LARGE: "this tool's definition is larger than allowed",
  TOOL_DEFINITION_CHANGED: "this tool's definition has changed and nobody has accepted that",
  TOOL_DEFINITION_UNKNOWN: "nobody has accepted this tool's definition",
  TOOL_NAME_SHADOWED: 'an earlier tool has this name, or one that looks like it',
  TOOL_DEFINITION_INSTRUCTS: "this tool's definition reads like instructions, and nobody has accepted it",
  TOOLS_TOO_MANY: 'the server has more tools than are looked after',
};

/** In the order of `items`, never more than `most` at once. */
async function inTurns<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  return results;
}
