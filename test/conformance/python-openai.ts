/**
 * The official Python client of OpenAI, unmodified and by base URL alone, through a sidecar: what is allowed is what the
 * provider says, what is denied never reaches it and is an error of the API.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { startProcess } from '../support/child-process.js';
import { type Script, startModelProvider } from '../support/model-provider.js';
import { policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { startStack } from '../support/stack.js';

/** One check and what came out; `undefined` is a pass. */
export interface PythonOpenaiCheck {
  readonly name: string;
  readonly failure?: string;
}

/** What the client made of one question: an answer, or the error that it raised. */
interface Outcome {
  readonly text?: string;
  /** In how many pieces the text came. */
  readonly pieces?: number;
  readonly calls?: readonly (readonly [name: string, args: object])[];
  readonly tokens?: number;
  readonly raised?: string;
  readonly status?: number;
  readonly code?: string;
  readonly type?: string;
  readonly reason_code?: string;
}
interface Met {
  readonly models: readonly string[];
  readonly whole: Outcome;
  readonly streamed: Outcome;
}

const QUIET: Script = { text: 'Hello there, agent.', calls: [], usage: [11, 7] };
const READING = ['read_file', { path: '/tmp/notes' }] as const;
const TOOLING: Script = { ...QUIET, calls: [['delete_file', { path: '/etc/passwd' }], READING] };
const TOKENS = 18;
const POLICIES = [
  { name: 'Everything else', on: ['tool_call', 'inference'], when: 'always', effect: 'allow', priority: 1 },
  {
    name: 'Forbidden model',
    on: ['inference'],
    when: { field: 'request.model', operator: 'equals', value: 'forbidden' },
    effect: { type: 'deny', deny_reason_code: 'NOT_THIS_MODEL', deny_user_message: 'this model is not used here' },
    priority: 90,
  },
  {
    name: 'No deleting',
    on: ['tool_call'],
    when: { field: 'tool.name', operator: 'equals', value: 'delete_file' },
    effect: { type: 'deny', deny_reason_code: 'NO_DELETES', deny_user_message: 'files are not deleted here' },
    priority: 80,
  },
];
const DENIED: Outcome = {
  raised: 'PermissionDeniedError',
  status: 403,
  code: 'POLICY_DENIED',
  type: 'permission_error',
  reason_code: 'NOT_THIS_MODEL',
};
/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5_000, breaker: { resetTimeoutMs: 6_000 } };

/** Runs all checks with the given Python, which must have `openai` installed. */
export async function checkWithPythonOpenai(python: string): Promise<readonly PythonOpenaiCheck[]> {
  const checks: PythonOpenaiCheck[] = [];
  const provider = await startModelProvider();
  const stack = await startStack({ pdp: { limits: { decisionDeadlineMs: PATIENT.deadlineMs } } });
  try {
    const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
    await stack.loaded(seq);
    const models = [{ name: 'model-1' }, { name: 'forbidden' }];
    const providers = [{ name: 'acme', kind: 'openai', baseUrl: `${provider.url}/v1`, models }];
    const sidecar = await stack.startSidecar({ upstreams: [], pdp: PATIENT, config: { llm: { providers } } });
    const base = `http://${sidecar.addresses['llm'] ?? ''}/v1`;

    /** Asks for `model` while the provider says `script`; both outcomes must be right, and so many questions arrive. */
    const check = async (
      name: string,
      { model, script, arrive }: { readonly model: string; readonly script: Script; readonly arrive: number },
      isRight: (outcome: Outcome) => boolean,
    ): Promise<void> => {
      provider.script = script;
      provider.calls.length = 0;
      const met = await ask(python, base, model);
      const told = (failure: string): PythonOpenaiCheck => ({ name, failure: `${failure}: ${JSON.stringify(met)}` });
      const leaked = JSON.stringify(provider.calls).includes('of-the-agent');
      if (typeof met === 'string') checks.push({ name, failure: met });
      else if (met.models.join() !== 'model-1') checks.push(told('sees other models than it may use'));
      else if (!isRight(met.whole)) checks.push(told('whole'));
      else if (!isRight(met.streamed)) checks.push(told('streamed'));
      else if ((met.streamed.pieces ?? 2) < 2) checks.push(told('the stream came in one piece'));
      else if (provider.calls.length !== arrive) checks.push(told(`${provider.calls.length} questions arrived`));
      else checks.push(leaked ? told("the agent's key arrived") : { name });
    };

    await check(
      'chat completions, whole and streamed',
      { model: 'model-1', script: QUIET, arrive: 2 },
      ({ text, calls, tokens }) => text === QUIET.text && calls?.length === 0 && tokens === TOKENS,
    );
    await check(
      'calls of tools: the denied one is words, the allowed one is there',
      { model: 'model-1', script: TOOLING, arrive: 2 },
      ({ text, calls }) =>
        JSON.stringify(calls) === JSON.stringify([READING]) && text?.includes('files are not deleted here') === true,
    );
    await check(
      'a denied model is an error of the API',
      { model: 'forbidden', script: QUIET, arrive: 0 },
      (outcome) => JSON.stringify(outcome) === JSON.stringify(DENIED),
    );
    return checks;
  } finally {
    await stack.close();
    await provider.close();
  }
}

async function ask(python: string, base: string, model: string): Promise<Met | string> {
  const script = join(repositoryRoot(), 'test', 'conformance', 'python', 'use_models.py');
  let printed = '';
  const running = startProcess(python, [script, base, model], {
    onLine: (line) => {
      printed = line;
    },
  });
  // That it has ended may be known before its last line is read.
  await once(running.child, 'close');
  const { code } = await running.exited;
  return code === 0 ? (JSON.parse(printed) as Met) : running.output();
}
