/**
 * For whom the agent acts and for what, read off what it sends (contracts §1, §9, §12). Whoever speaks to the sidecar is the
 * agent: of the user it can only hand on what an issuer signed, and of its task only say that it needs less.
 */

import { hash } from 'node:crypto';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Environment, PortcullisError, parseStrictJson } from '@portcullis/runtime';
import type { BehalfConfig } from './config.js';
import { UserToken } from './user-token.js';

/** What an attempt is made on behalf of. */
export interface Behalf {
  readonly userToken?: UserToken;
  /** `context.task`: as it was declared for the agent, never by it. */
  readonly task?: JsonObject;
  /** The tools that the agent itself says it needs: `context.attributes.declared_scope`. */
  readonly declaredScope?: readonly string[];
}

/** What was said of it cannot be used; the attempt is refused. */
export interface BadBehalf {
  readonly problem: string;
}

/** A message of MCP, as far as it matters here. */
export interface MetaMessage {
  readonly params: JsonObject;
  readonly value: JsonObject;
}

/** An answer to a request of MCP, as far as it matters here. */
export interface MetaAnswer {
  /** Absent in an error. */
  readonly result: JsonObject | undefined;
  readonly value: JsonObject;
}

/** Reads it. */
export interface BehalfReader {
  /**
   * Off the fields of an HTTP request, in pairs as they arrived.
   * @param carrier what the connection was opened with, where it is one within another
   */
  ofHeaders(rawHeaders: readonly string[], carrier?: Behalf): Behalf | BadBehalf;
  /** Off a message, whose `_meta` is without it then; `carrier` is what came around the message. */
  ofMessage<M extends MetaMessage>(
    message: M,
    carrier: Behalf,
  ): { readonly behalf: Behalf; readonly message: M } | BadBehalf;
  /** An answer, whose `_meta` is without it: it answers for the one who was asked, and whatever it says of another goes nowhere. */
  ofAnswer<A extends MetaAnswer>(answer: A): A;
  /** What is missing; nothing when an attempt may be made on behalf of this. */
  lacks(behalf: Behalf): BadBehalf | undefined;
  /** The fields that go on. */
  passedOn(rawHeaders: readonly string[]): readonly string[];
  /** Environment variables that are read, and for nobody else. */
  readonly variables: ReadonlySet<string>;
  /** Of what no message says anything about: this sidecar's own. */
  readonly own: Behalf;
}

/** Whether it can be used. */
export function isBehalf<T extends object>(read: T | BadBehalf): read is T {
  return !('problem' in read);
}

/** Equal for attempts that are made on behalf of the same, and for no others. Nothing of a token can be read from it. */
export function behalfKey({ userToken, task, declaredScope }: Behalf): string {
  return hash('sha256', JSON.stringify([userToken?.secret ?? null, task ?? null, declaredScope ?? null]), 'hex');
}

const MAX_TOOLS = 256;
const MAX_TOOL_LENGTH = 512;

/**
 * Makes it.
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when an environment variable is named and has nothing usable
 */
export function createBehalfReader(config: BehalfConfig, env: Environment): BehalfReader {
  const { userToken, task } = config;
  const own: Behalf = {
    ...(userToken?.env === undefined ? {} : { userToken: ownToken(userToken.env, userToken.maxBytes, env) }),
    ...(task?.env === undefined ? {} : { task: ownTask(task.env, task.maxBytes, env) }),
  };
  const readsHeaders = userToken?.header !== undefined || task?.header !== undefined;
  const readsMeta = userToken?.meta !== undefined || task?.meta !== undefined;
  const hidden = new Set(
    [userToken?.keepHeader === true ? undefined : userToken?.header, task?.header].filter((name) => name !== undefined),
  );

  function withToken(behalf: Behalf, text: Json, where: string): Behalf | BadBehalf {
    const bare = typeof text === 'string' ? text.replace(/^bearer +/i, '') : '';
    const read = UserToken.read(bare, userToken?.maxBytes ?? 0);
    if (read === undefined) return bad(`${where}: expected a JSON Web Token of at most ${userToken?.maxBytes} bytes`);
    if (behalf.userToken !== undefined && !behalf.userToken.equals(read))
      return bad(`${where}: is the token of another user than the one that was named before`);
    return { ...behalf, userToken: read };
  }

  function withScope(behalf: Behalf, said: Json | undefined, where: string): Behalf | BadBehalf {
    const tools = isObject(said) && Object.keys(said).length === 1 ? said['tools'] : undefined;
    if (!isToolList(tools)) return bad(`${where}: expected {"tools": ["name" or "server/name", …]}, and nothing else`);
    const { declaredScope: before } = behalf;
    const both = before === undefined ? tools : tools.filter((tool) => before.includes(tool));
    return { ...behalf, declaredScope: [...new Set(both)] };
  }

  /** Without `_meta` where nothing is left in it. */
  function withoutBehalf(carrier: JsonObject, meta: JsonObject): JsonObject {
    const left = Object.entries(meta).filter(([name]) => name !== userToken?.meta && name !== task?.meta);
    const { _meta: _taken, ...others } = carrier;
    return left.length === 0 ? others : { ...carrier, _meta: Object.fromEntries(left) };
  }

  function parsedTask(text: string): Json | undefined {
    const parsed = parseStrictJson(Buffer.from(text, 'latin1'), { maxBytes: task?.maxBytes ?? 0 });
    return parsed.ok ? parsed.value : undefined;
  }

  return {
    own,
    variables: new Set([userToken?.env, task?.env].filter((name) => name !== undefined)),
    ofHeaders(rawHeaders, carrier = own) {
      if (!readsHeaders) return carrier;
      let behalf: Behalf | BadBehalf = carrier;
      const seen = new Set<string>();
      for (let at = 0; at + 1 < rawHeaders.length && isBehalf(behalf); at += 2) {
        const name = (rawHeaders[at] ?? '').toLowerCase();
        if (name !== userToken?.header && name !== task?.header) continue;
        const value = rawHeaders[at + 1] ?? '';
        if (seen.has(name)) behalf = bad(`more than one ${name} header`);
        else if (name === userToken?.header) behalf = withToken(behalf, value.trim(), name);
        else behalf = withScope(behalf, parsedTask(value), name);
        seen.add(name);
      }
      return behalf;
    },
    ofMessage(message, carrier) {
      const { params } = message;
      const meta = params['_meta'];
      if (!readsMeta || !isObject(meta)) return { behalf: carrier, message };
      const token = memberOf(meta, userToken?.meta);
      const said = memberOf(meta, task?.meta);
      if (token === undefined && said === undefined) return { behalf: carrier, message };
      const named = token === undefined ? carrier : withToken(carrier, token, `_meta["${userToken?.meta}"]`);
      if (!isBehalf(named)) return named;
      const tooLong = said !== undefined && Buffer.byteLength(JSON.stringify(said)) > (task?.maxBytes ?? 0);
      const behalf =
        said === undefined ? named : withScope(named, tooLong ? undefined : said, `_meta["${task?.meta}"]`);
      if (!isBehalf(behalf)) return behalf;
      const bare = withoutBehalf(params, meta);
      return { behalf, message: { ...message, params: bare, value: { ...message.value, params: bare } } };
    },
    ofAnswer(answer) {
      const meta = answer.result?.['_meta'];
      if (!readsMeta || answer.result === undefined || !isObject(meta)) return answer;
      const result = withoutBehalf(answer.result, meta);
      return { ...answer, result, value: { ...answer.value, result } };
    },
    lacks: ({ userToken: token }) =>
      userToken?.required === true && token === undefined ? bad(missing(userToken)) : undefined,
    passedOn(rawHeaders) {
      if (hidden.size === 0) return rawHeaders;
      return rawHeaders.filter((_, at) => !hidden.has((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
    },
  };
}

function missing({ header, meta }: NonNullable<BehalfConfig['userToken']>): string {
  const places = [header === undefined ? [] : `the header ${header}`, meta === undefined ? [] : `_meta["${meta}"]`];
  return `no user is named: expected a token in ${places.flat().join(' or ')}`;
}

function ownToken(name: string, maxBytes: number, env: Environment): UserToken {
  const token = UserToken.read((env[name] ?? '').trim(), maxBytes);
  if (token === undefined) throw unusable('onBehalf.userToken.env', name, 'expected a JSON Web Token');
  return token;
}

function ownTask(name: string, maxBytes: number, env: Environment): JsonObject {
  const parsed = parseStrictJson(Buffer.from(env[name] ?? ''), { maxBytes });
  if (!parsed.ok || !isObject(parsed.value)) throw unusable('onBehalf.task.env', name, 'expected a JSON object');
  return parsed.value;
}

function unusable(field: string, source: string, what: string): PortcullisError {
  return new PortcullisError('ERR_CREDENTIAL_MISSING', 'invalid', `${field}: ${what} in the environment`, {
    details: { header: field, source },
  });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isToolList(said: Json | undefined): said is readonly string[] {
  return (
    Array.isArray(said) &&
    said.length <= MAX_TOOLS &&
    said.every((tool) => typeof tool === 'string' && tool !== '' && tool.length <= MAX_TOOL_LENGTH)
  );
}

function memberOf(meta: JsonObject, name: string | undefined): Json | undefined {
  return name !== undefined && Object.hasOwn(meta, name) ? meta[name] : undefined;
}

function bad(problem: string): BadBehalf {
  return { problem };
}
