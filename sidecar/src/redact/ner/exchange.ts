/** One question and one answer in JSON, over HTTP. The service is trusted with the question, and with nothing else. */

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type Json, parseStrictJson } from '@portcullis/runtime';
import type { NerConfig } from './config.js';
import { NerFailure } from './port.js';

/** What is asked: a path below the configured URL, and the body of a POST; without one it is a GET. */
export interface Question {
  readonly path: string;
  readonly body?: string;
  readonly maxBytes: number;
}

/** Connections to the service. */
export interface Exchange {
  /** @throws NerFailure when it answers anything but strict JSON with status 200; Error when it does not answer at all */
  ask(question: Question, signal: AbortSignal): Promise<Json>;
  close(): void;
}

/** Connects when it is asked. @param ca PEM of the service's authorities; the system's when absent */
export function createExchange(
  { url, maxConcurrent }: Pick<NerConfig, 'url' | 'maxConcurrent'>,
  ca: Buffer | undefined,
): Exchange {
  const base = url.replace(/\/$/, '');
  const isSecure = new URL(url).protocol === 'https:';
  const pool = { keepAlive: true, maxSockets: maxConcurrent };
  const agent = isSecure
    ? new HttpsAgent({ ...pool, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) })
    : new HttpAgent(pool);
  const request = isSecure ? httpsRequest : httpRequest;
  return {
    ask: ({ path, body, maxBytes }, signal) =>
      new Promise((resolve, reject) => {
        const bytes = body === undefined ? undefined : Buffer.from(body);
        const headers = {
          accept: 'application/json',
          ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }),
        };
        const method = bytes === undefined ? 'GET' : 'POST';
        const sent = request(new URL(`${base}${path}`), { method, agent, signal, headers }, (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > maxBytes) sent.destroy(new NerFailure('failed', 'the answer of the ner service is too long'));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            // A redirect is followed nowhere: the text is meant for one service.
            if (response.statusCode !== 200)
              return reject(new NerFailure('failed', `the ner service answered with status ${response.statusCode}`));
            const read = parseStrictJson(Buffer.concat(chunks), { maxBytes, maxDepth: 16, maxKeys: 1_000_000 });
            if (read.ok) resolve(read.value);
            else reject(new NerFailure('failed', 'the answer of the ner service is not strict JSON'));
          });
        });
        sent.on('error', reject);
        sent.end(bytes);
      }),
    close: () => agent.destroy(),
  };
}
