/**
 * A Presidio analyzer for tests: `POST /analyze` as its documentation and its REST server have it. It knows a few names, wherever
 * they stand as words of their own, and says where they are in code points, as Python counts.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KNOWN_NAMES } from './presidio-contract.js';

/** What it was asked. */
export interface AnalyzeRequest {
  readonly text?: unknown;
  readonly language?: unknown;
  readonly score_threshold?: unknown;
  readonly entities?: unknown;
}

/** The fake, and what it was asked. */
export interface FakePresidio {
  readonly url: string;
  readonly asked: AnalyzeRequest[];
  /** How often it was asked what it looks for. */
  readonly askedForKinds: number;
  /** Most questions that were open at the same time. */
  readonly mostOpen: number;
  /** Answers instead, from now on; `true` when it has. */
  script: ((request: AnalyzeRequest, response: ServerResponse) => boolean | Promise<boolean>) | undefined;
  close(): Promise<void>;
}

const SCORE = 0.85;
/** What one is configured to look for that nobody has configured, of what matters here. */
const KINDS: readonly unknown[] = ['PERSON', 'LOCATION', 'NRP', 'EMAIL_ADDRESS'];
const NOBODY_LOOKS = { error: 'No matching recognizers were found to serve the request.' };

/** Starts one on a free port of loopback. */
export async function startFakePresidio(): Promise<FakePresidio> {
  const asked: AnalyzeRequest[] = [];
  let askedForKinds = 0;
  let open = 0;
  let mostOpen = 0;
  const fake: { script: FakePresidio['script'] } = { script: undefined };
  const server = createServer((request, response) => {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    response.on('close', () => {
      open -= 1;
    });
    void serve(request, response);
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'GET' && request.url?.startsWith('/supportedentities?language=') === true) {
      askedForKinds += 1;
      const isKnown = request.url.endsWith('=en');
      return send(response, isKnown ? 200 : 500, isKnown ? KINDS : NOBODY_LOOKS);
    }
    if (request.method !== 'POST' || request.url !== '/analyze') return send(response, 404, { error: 'Not Found' });
    if (request.headers['content-type'] !== 'application/json')
      return send(response, 415, { error: 'Unsupported Media Type' });
    const read = JSON.parse(Buffer.concat(chunks).toString('utf8')) as AnalyzeRequest;
    asked.push(read);
    if ((await fake.script?.(read, response)) === true) return undefined;
    const { text, language, score_threshold: threshold = 0, entities } = read;
    if (typeof text !== 'string' || text === '') return send(response, 500, { error: 'No text provided' });
    if (typeof language !== 'string') return send(response, 500, { error: 'No language provided' });
    const wanted = Array.isArray(entities) ? (entities as readonly unknown[]) : undefined;
    // Kinds that it does not look for are passed over in silence, unless there is no other.
    if (language !== 'en' || wanted?.some((kind) => KINDS.includes(kind)) === false)
      return send(response, 500, NOBODY_LOOKS);
    const found = Object.entries(KNOWN_NAMES)
      .filter(([, type]) => (wanted?.includes(type) ?? true) && SCORE >= Number(threshold))
      .flatMap(([name, type]) => placesOf(text, name).map(([start, end]) => result(type, start, end)));
    return send(response, 200, found);
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get askedForKinds() {
      return askedForKinds;
    },
    get mostOpen() {
      return mostOpen;
    },
    get script() {
      return fake.script;
    },
    set script(script) {
      fake.script = script;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A finding, in the members and the order of the real one. */
function result(type: string, start: number, end: number): object {
  return { analysis_explanation: null, end, entity_type: type, score: SCORE, start };
}

function placesOf(text: string, name: string): readonly (readonly [number, number])[] {
  const places: [number, number][] = [];
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + name.length)) {
    const start = Array.from(text.slice(0, at)).length;
    places.push([start, start + Array.from(name).length]);
  }
  return places;
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
