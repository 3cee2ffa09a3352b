import type { CanonicalRequest, Json } from '../model/request.js';

/** A text of the request and where it stands. */
export interface PlacedText {
  /** `tool.arguments`, `request.query` or `request.output`. */
  readonly place: string;
  readonly text: string;
}

/** The texts of a request. */
export interface RequestTexts {
  readonly texts: readonly PlacedText[];
  /** UTF-16 units that were left out because there were too many. */
  readonly unscanned: number;
}

/** UTF-16 units of one request that are looked through: some milliseconds of work. */
export const MAX_SCANNED = 64 * 1024;

/** Every text that goes out or came in, in order, up to {@link MAX_SCANNED} units in all. Keys of objects count as text. */
export function textsOf(request: CanonicalRequest): RequestTexts {
  const texts: PlacedText[] = [];
  let room = MAX_SCANNED;
  let unscanned = 0;
  const add = (place: string, text: string): void => {
    const taken = text.slice(0, room);
    if (taken !== '') texts.push({ place, text: taken });
    room -= taken.length;
    unscanned += text.length - taken.length;
  };
  const walk = (place: string, value: Json): void => {
    if (typeof value === 'string') add(place, value);
    else if (typeof value === 'number') add(place, String(value));
    else if (value !== null && typeof value === 'object') {
      for (const [name, inner] of Object.entries(value)) {
        // A key is named by its author like any text; the index of a list is not.
        if (!Array.isArray(value)) add(place, name);
        walk(place, inner);
      }
    }
  };
  if (request.tool?.arguments !== undefined) walk('tool.arguments', request.tool.arguments);
  if (request.request?.query !== undefined) add('request.query', request.request.query);
  if (request.request?.output !== undefined) add('request.output', request.request.output);
  if (request.egress?.path !== undefined) add('egress.path', request.egress.path);
  return { texts, unscanned };
}
