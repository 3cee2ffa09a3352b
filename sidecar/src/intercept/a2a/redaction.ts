/**
 * Redaction of what a peer answers (contracts §8). An artifact comes in pieces: in the parts of one list, in events that append to
 * it, and in a look at the task before them. Its text is one text to whoever reads it, so it is searched as one: of every
 * piece goes on what can be told already, and the rest with a later one.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { maskBegun } from '../../redact/document-fields.js';
import type { Redaction } from '../../redact/redactor.js';
import type { TextAnswer } from '../../redact/texts.js';
import { isObject } from '../mcp/message.js';

/** Redacts one answer. Rejects when it cannot be redacted: then nobody may have it. */
export interface AnswerRedaction {
  /** An answer that is whole. */
  whole(message: JsonObject): Promise<JsonObject>;
  /** The messages that take the place of one of a stream. */
  event(message: JsonObject): Promise<readonly JsonObject[]>;
  /** What is left when the stream has ended. */
  rest(): Promise<readonly JsonObject[]>;
}

/** An artifact of a stream that may go on. */
interface Open {
  /** The last message about it, without its parts: the rest goes out in one like it. */
  readonly like: (part: JsonObject) => JsonObject;
  readonly partLike: JsonObject;
}

/** A stream that begins more is ended. */
const MAX_ARTIFACTS = 4096;
const FINAL_STATES: ReadonlySet<Json | undefined> = new Set([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
  'completed',
  'failed',
  'canceled',
  'rejected',
]);

/**
 * Makes it for one answer.
 * @param maxHeld characters of artifacts of which nothing goes on that may be held back at once, where names or fields are looked for
 */
export function createAnswerRedaction(redaction: Redaction, maxHeld: number): AnswerRedaction {
  const texts = channelsOf(redaction.texts(), maxHeld);
  // What is ordered of fields is looked for in whole messages: then nothing of an artifact goes on before its end.
  const pieces = redaction.wantsWholeTexts ? heldTexts(maxHeld) : texts;
  const open = new Map<string, Open>();
  const ended = new Set<string>();
  let lists = 0;
  let isOver = false;

  /** Everything but what a text may have in common with the text of other parts. */
  const byItself = async (message: JsonObject): Promise<JsonObject> =>
    JSON.parse(await redaction.response(JSON.stringify(message))) as JsonObject;

  /** Texts of parts as they go on; `rest` gives what is held back to the last of them. */
  async function partsOf(
    parts: readonly Json[],
    channel: string,
    through: Channels,
    isLast: boolean,
  ): Promise<readonly Json[]> {
    const said = await inTurn(parts, async (part) => {
      const text = textOf(part);
      return text === undefined || !isObject(part) ? part : { ...part, text: await through.say(channel, text) };
    });
    if (!isLast) return said;
    const rest = await through.rest(channel);
    if (rest === '') return said;
    const at = said.findLastIndex((part) => textOf(part) !== undefined);
    return said.map((part, index) =>
      index === at && isObject(part) ? { ...part, text: (textOf(part) ?? '') + rest } : part,
    );
  }

  /** Lists of parts, wherever they are; artifacts of which more may come are left to `piece`. */
  async function inside(value: Json, piece?: (artifact: JsonObject) => Promise<JsonObject>): Promise<Json> {
    if (Array.isArray(value)) return inTurn(value as readonly Json[], (one) => inside(one, piece));
    if (!isObject(value)) return value;
    if (piece !== undefined && typeof value['artifactId'] === 'string' && Array.isArray(value['parts'])) {
      return piece(value);
    }
    const members = await inTurn(Object.entries(value), async ([name, member]): Promise<[string, Json]> => {
      if (name !== 'parts' || !Array.isArray(member)) return [name, await inside(member, piece)];
      lists += 1;
      return [name, await partsOf(member as readonly Json[], `list ${lists}`, texts, true)];
    });
    return Object.fromEntries(members);
  }

  /** A piece of an artifact in a stream. */
  async function piece(artifact: JsonObject, like: Open['like'], isLast: boolean): Promise<JsonObject> {
    const id = idOf(artifact);
    const parts = Array.isArray(artifact['parts']) ? (artifact['parts'] as readonly Json[]) : [];
    if ((isOver || ended.has(id)) && parts.some((part) => textOf(part) !== undefined))
      throw new RangeError('it went on with an artifact that it had ended');
    if (isLast) {
      ended.add(id);
      open.delete(id);
    } else {
      const sample = parts.find((part) => textOf(part) !== undefined);
      const partLike = isObject(sample) ? withoutContent(sample) : open.get(id)?.partLike;
      if (partLike !== undefined) open.set(id, { like, partLike });
    }
    if (open.size + ended.size > MAX_ARTIFACTS) throw new RangeError('it began too many artifacts');
    const hasText = parts.some((part) => textOf(part) !== undefined);
    // What is held back has to have a part to go out in.
    const padded = isLast && !hasText ? [...parts, { text: '' }] : parts;
    const said = await partsOf(padded, `artifact ${id}`, pieces, isLast);
    const isPad = padded !== parts && textOf(said.at(-1) ?? null) === '';
    return { ...artifact, parts: isPad ? parts : said };
  }

  async function flush(): Promise<readonly JsonObject[]> {
    const left = [...open];
    open.clear();
    for (const [id] of left) ended.add(id);
    const said = await inTurn(left, async ([id, { like, partLike }]) => {
      const text = await pieces.rest(`artifact ${id}`);
      return text === '' ? [] : [await byItself(like({ ...partLike, text }))];
    });
    return said.flat();
  }

  return {
    whole: async (message) => byItself((await inside(message)) as JsonObject),
    async event(message) {
      const { result } = message;
      if (!isObject(result)) return [...(await flush()), await byItself(message)];
      const update = updateOf(result);
      if (update !== undefined) {
        const artifact = isObject(update.event['artifact']) ? update.event['artifact'] : {};
        const id = idOf(artifact);
        // In place of what was: what is left of that goes before it.
        const before = update.event['append'] === true ? [] : await replaced(id);
        const like = (part: JsonObject): JsonObject => ({
          ...message,
          result: update.within({
            ...update.event,
            append: true,
            artifact: { artifactId: artifact['artifactId'] ?? '', parts: [part] },
          }),
        });
        const said = await piece(artifact, like, update.event['lastChunk'] === true);
        return [...before, await byItself({ ...message, result: update.within({ ...update.event, artifact: said }) })];
      }
      const task = isObject(result['task']) ? result['task'] : result['kind'] === 'task' ? result : undefined;
      if (task !== undefined && !isFinal(task)) {
        const like =
          (artifact: JsonObject) =>
          (part: JsonObject): JsonObject => ({ ...message, result: updateAbout(result, task, artifact, part) });
        const seen = await inside(result, (artifact) => piece(artifact, like(artifact), false));
        return [await byItself({ ...message, result: seen })];
      }
      const isEnd = isFinal(isObject(result['statusUpdate']) ? result['statusUpdate'] : (task ?? result));
      isOver ||= isEnd;
      return [...(isEnd ? await flush() : []), await byItself((await inside(message)) as JsonObject)];
    },
    rest: flush,
  };

  async function replaced(id: string): Promise<readonly JsonObject[]> {
    const was = open.get(id);
    open.delete(id);
    const text = await pieces.rest(`artifact ${id}`);
    return was === undefined || text === '' ? [] : [await byItself(was.like({ ...was.partLike, text }))];
  }
}

/** Where texts go that come in pieces. */
interface Channels {
  say(channel: string, text: string): Promise<string>;
  rest(channel: string): Promise<string>;
}

/** What is held back of texts of which nothing goes on. */
function holding(maxHeld: number): { add(channel: string, length: number): void; end(channel: string): void } {
  const held = new Map<string, number>();
  let size = 0;
  return {
    add(channel, length) {
      size += length;
      if (size > maxHeld) throw new RangeError('it said more than can be held until it was looked at');
      held.set(channel, (held.get(channel) ?? 0) + length);
    },
    end(channel) {
      size -= held.get(channel) ?? 0;
      held.delete(channel);
    },
  };
}

/** Has every piece looked at where somebody has to, and gives what may go on of it. */
function channelsOf(answer: TextAnswer, maxHeld: number): Channels {
  const held = holding(maxHeld);
  return {
    async say(channel, piece) {
      await answer.look?.([{ channel, piece }]);
      const given = answer.say(channel, piece);
      // What is left behind that has a bound of its own.
      if (given !== '') held.end(channel);
      else if (answer.look !== undefined) held.add(channel, piece.length);
      return given;
    },
    async rest(channel) {
      await answer.look?.([{ channel, piece: undefined }]);
      held.end(channel);
      return answer.rest(channel);
    },
  };
}

/** Keeps every text until it is over. What looks for fields in whole messages looks at it then. */
function heldTexts(maxHeld: number): Channels {
  const held = holding(maxHeld);
  const texts = new Map<string, string>();
  return {
    async say(channel, text) {
      held.add(channel, text.length);
      texts.set(channel, (texts.get(channel) ?? '') + text);
      return '';
    },
    async rest(channel) {
      const text = texts.get(channel) ?? '';
      texts.delete(channel);
      held.end(channel);
      return maskBegun(text);
    },
  };
}

/** One after the other: what is said first is looked at first. */
async function inTurn<T, R>(all: readonly T[], each: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const one of all) done.push(await each(one));
  return done;
}

/** An update of an artifact, in the shape of either generation. */
function updateOf(
  result: JsonObject,
): { readonly event: JsonObject; within(event: JsonObject): JsonObject } | undefined {
  const { artifactUpdate, kind } = result;
  if (isObject(artifactUpdate))
    return { event: artifactUpdate, within: (event) => ({ ...result, artifactUpdate: event }) };
  return kind === 'artifact-update' ? { event: result, within: (event) => event } : undefined;
}

/** The update that appends a part to an artifact that was seen in a task. */
function updateAbout(result: JsonObject, task: JsonObject, artifact: JsonObject, part: JsonObject): JsonObject {
  const event: JsonObject = {
    taskId: task['id'] ?? '',
    contextId: task['contextId'] ?? '',
    artifact: { artifactId: artifact['artifactId'] ?? '', parts: [part] },
    append: true,
    lastChunk: false,
  };
  return result['kind'] === 'task' ? { ...event, kind: 'artifact-update' } : { artifactUpdate: event };
}

function isFinal({ status, final }: JsonObject): boolean {
  return final === true || (isObject(status) && FINAL_STATES.has(status['state']));
}

function idOf({ artifactId }: JsonObject): string {
  if (typeof artifactId !== 'string') throw new TypeError('it sent an artifact without an id');
  return artifactId;
}

function textOf(part: Json): string | undefined {
  const text = isObject(part) ? part['text'] : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** A text part is told by its kind in 0.3, and by its text in 1.0. */
function withoutContent(part: JsonObject): JsonObject {
  return part['kind'] === undefined ? {} : { kind: part['kind'] };
}
