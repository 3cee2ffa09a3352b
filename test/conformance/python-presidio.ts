/**
 * Presidio's own analyzer behind the sidecar's port for names: the contract that the fake keeps, and a model asked through a
 * sidecar whose words are full of characters that Python and JavaScript count differently.
 */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KNOWN_NAMES, PRESIDIO_CONTRACT } from '@portcullis/sidecar/presidio-contract';
import { startProcess } from '../support/child-process.js';
import { type ModelProvider, startModelProvider } from '../support/model-provider.js';
import { policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { startStack } from '../support/stack.js';

/** One check and what came out; `undefined` is a pass. */
export interface PythonPresidioCheck {
  readonly name: string;
  readonly failure?: string;
}

/** A running analyzer. */
interface Analyzer {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Reading a pipeline and all recognisers takes seconds. */
const START_MS = 120_000;
const NAMED = 'e\u0301😀 ask José Müller, 𠮷田 and Ada Lovelace👩‍👩‍👧 of Portsmouth 𝒳!';
const NAMELESS = 'e\u0301😀 ask ,  and 👩‍👩‍👧 of  𝒳!';
const POLICIES = [
  { name: 'Models', on: ['inference'], when: 'always', effect: 'allow', priority: 1 },
  {
    name: 'No names to models',
    on: ['inference'],
    when: 'always',
    effect: { type: 'redact', redact_config: { ner: true, method: 'drop', direction: 'both' } },
    priority: 90,
  },
];
/** For a stream that does not go on. */
const PATIENT_MS = 60_000;
/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5_000, breaker: { resetTimeoutMs: 6_000 } };

/** Runs all checks with the given Python, which must have `presidio-analyzer[server]` installed. */
export async function checkWithPythonPresidio(python: string): Promise<readonly PythonPresidioCheck[]> {
  const checks: PythonPresidioCheck[] = [];
  const check = async (name: string, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
      checks.push({ name });
    } catch (thrown) {
      checks.push({ name, failure: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  };
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-python-presidio-'));
  try {
    const analyzer = await startAnalyzer(python, folder);
    try {
      for (const promise of PRESIDIO_CONTRACT) await check(promise.name, () => promise.check(analyzer.url));
      await throughASidecar(analyzer, check);
    } finally {
      await analyzer.stop();
    }
    return checks;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startAnalyzer(python: string, folder: string): Promise<Analyzer> {
  const script = join(repositoryRoot(), 'test', 'conformance', 'python', 'serve_names.py');
  const listening = Promise.withResolvers<number>();
  const running = startProcess(python, [script, folder, JSON.stringify(KNOWN_NAMES)], {
    onLine: (line) => {
      if (line.startsWith('{"port":')) listening.resolve((JSON.parse(line) as { readonly port: number }).port);
    },
  });
  const timer = setTimeout(() => listening.reject(new Error(`it took over ${START_MS} ms`)), START_MS);
  void running.exited.then(() => listening.reject(new Error('it has ended')));
  try {
    return { url: `http://127.0.0.1:${await listening.promise}`, stop: () => running.stop() };
  } catch (cause) {
    await running.stop('SIGKILL');
    throw new Error(`the analyzer does not listen:\n${running.output()}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

type Check = (name: string, run: () => Promise<void>) => Promise<void>;

async function throughASidecar(analyzer: Analyzer, check: Check): Promise<void> {
  const provider = await startModelProvider();
  const stack = await startStack({ pdp: { limits: { decisionDeadlineMs: PATIENT.deadlineMs } } });
  try {
    const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
    await stack.loaded(seq);
    const providers = [{ name: 'acme', kind: 'openai', baseUrl: `${provider.url}/v1`, models: [{ name: 'model-1' }] }];
    const sidecar = await stack.startSidecar({
      upstreams: [],
      pdp: PATIENT,
      config: { llm: { providers }, redaction: { ner: { url: analyzer.url, timeoutMs: 20_000 } } },
    });
    const url = `http://${sidecar.addresses['llm'] ?? ''}/v1/chat/completions`;

    await check('names go from a question and from its answer, and nothing else does', async () => {
      const { status, text, asked } = await ask(provider, url);
      deepStrictEqual([status, asked], [200, [NAMELESS]]);
      const { choices } = JSON.parse(text) as {
        readonly choices: readonly { readonly message: { content: string } }[];
      };
      deepStrictEqual(choices[0]?.message.content, NAMELESS);
    });
    await check('names go from a stream', async () => {
      const { status, text, asked } = await ask(provider, url, { stream: true });
      deepStrictEqual([status, asked], [200, [NAMELESS]]);
      deepStrictEqual(wordsOf(text), NAMELESS);
    });
    await check('a sentence of a stream is there while the model still speaks', async () => {
      const sentence = 'It was Ada Lovelace who has written all of it, and nobody else. ';
      const first = sentence.replace('Ada Lovelace', '');
      const goOn = Promise.withResolvers<void>();
      provider.script = { text: sentence.repeat(8), calls: [], usage: [11, 7], until: goOn.promise };
      const late = AbortSignal.timeout(PATIENT_MS);
      const response = await fetch(url, asking('who was it?', { stream: true }, late));
      let text = '';
      for await (const bytes of response.body ?? []) {
        text += Buffer.from(bytes).toString('utf8');
        if (wordsOf(text).includes(first)) goOn.resolve();
      }
      deepStrictEqual(wordsOf(text), first.repeat(8));
    });
    await check('nothing goes to the model when the analyzer is gone', async () => {
      await analyzer.stop();
      const { status, text, asked } = await ask(provider, url);
      deepStrictEqual([status, asked], [503, []]);
      ok(text.includes('OBLIGATION_UNSUPPORTED'), text);
    });
  } finally {
    await stack.close();
    await provider.close();
  }
}

/** What is said to the model, and what it answers, is the same text with names. */
async function ask(
  provider: ModelProvider,
  url: string,
  more: object = {},
): Promise<{ readonly status: number; readonly text: string; readonly asked: readonly unknown[] }> {
  provider.calls.length = 0;
  provider.script = { text: NAMED, calls: [], usage: [11, 7] };
  const response = await fetch(url, asking(NAMED, more));
  const text = await response.text();
  const asked = provider.calls.map(({ body }) => (body['messages'] as readonly { content: unknown }[])[0]?.content);
  return { status: response.status, text, asked };
}

function asking(content: string, more: object, signal: AbortSignal | null = null): RequestInit {
  const body = JSON.stringify({ model: 'model-1', messages: [{ role: 'user', content }], ...more });
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal };
}

/** The words of a stream of chat completions. */
function wordsOf(stream: string): string {
  return [...stream.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, data = '']) => JSON.parse(data) as { readonly choices: readonly { delta?: { content?: string } }[] })
    .map(({ choices }) => choices[0]?.delta?.content ?? '')
    .join('');
}
