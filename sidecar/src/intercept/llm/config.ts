/** Configuration of the model gateway. */

import { z } from 'zod';
import { secretSource } from '../http/credential.js';
import { answerBytes, connectionLimit, exchangeTimes, messageLimits } from '../http/limit-fields.js';
import { allowedHosts, allowedOrigins, listenConfig } from '../http/listen-config.js';

/** The APIs that providers speak, and agents in front of them. */
export const APIS = ['openai', 'anthropic'] as const;
/** An API. */
export type Api = (typeof APIS)[number];

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -');
/** As agents and providers write them, such as `gpt-4o`, `llama3.2:3b`, `meta-llama/Llama-3.3-70B`. */
const modelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,255}$/, 'must be the name of a model');

const modelConfig = z.strictObject({
  name: modelName.describe("The provider's name of the model: what is forwarded, and request.model in every question."),
  alias: modelName.optional().describe('What agents call it instead; its own name is then not served.'),
  action: z
    .enum(['chat', 'embed'])
    .default('chat')
    .describe('What it is for: the action that is asked about when models are listed.'),
});

/** Never set by configuration: they belong to the protocol, or to the gateway. */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept|accept-encoding|portcullis-.*)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'must be a header name')
  .refine((text) => !RESERVED_HEADER.test(text), 'belongs to the protocol');

const providerConfig = z.strictObject({
  name: name.describe(
    'In paths (/openai/<name>/v1 or /anthropic/<name>), and request.model_provider in every question.',
  ),
  kind: z.enum(APIS).describe('The API that it speaks: openai (also Ollama, vLLM and the like) or anthropic.'),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.username === '' && url.search === '' && url.hash === '';
    }, 'must not carry credentials, a query or a fragment')
    .describe(
      'What its paths follow: https://api.openai.com/v1, http://127.0.0.1:11434/v1, https://api.anthropic.com.',
    ),
  credential: secretSource
    .optional()
    .describe("Its API key; without one none is sent. The agent's own key never passes."),
  headers: z
    .record(headerName, secretSource)
    .default({})
    .describe(
      'Sent with every request to this provider: a key under another name, such as api-key, or an organisation.',
    ),
  models: z.array(modelConfig).max(256).default([]).describe('The models that agents are offered.'),
  anyModel: z
    .boolean()
    .default(false)
    .describe(
      'Whether models that are not listed may be asked for by path (/openai/<name>/v1); policies decide on them.',
    ),
  streamUsage: z
    .boolean()
    .default(true)
    .describe('Whether it is asked to report usage at the end of a stream (OpenAI: stream_options.include_usage).'),
});

const toolsConfig = z
  .strictObject({
    server: name
      .optional()
      .describe('tool.server of calls that a model proposes; the name of its provider when absent.'),
    namespaces: z
      .array(
        z.strictObject({
          prefix: z.string().min(1).max(128).describe('How names of its tools begin, such as mcp__files__.'),
          server: name.describe('tool.server; the rest of the name is tool.name.'),
        }),
      )
      .max(256)
      .default([])
      .describe(
        "Tools that the agent calls through this sidecar's MCP proxy. What is proposed is decided here, and decided, recorded " +
          'and reported again when it is called. The longest prefix counts.',
      ),
    refused: z
      .enum(['replace', 'refuse'])
      .default('replace')
      .describe(
        'What becomes of an answer with a tool call that is refused: a text stands in for the call, or it is an error.',
      ),
  })
  .prefault({});

const limitsConfig = z
  .strictObject({
    ...messageLimits({ message: 'request of an agent', bodyBytes: 4_194_304, headerBytes: 16_384 }),
    maxResponseBytes: answerBytes(
      'answer of a provider; of a stream, all its events together, each as 256 bytes at least where names are looked for',
      33_554_432,
    ),
    maxEventBytes: answerBytes('event of a stream', 4_194_304, { most: 67_108_864 }),
    ...exchangeTimes({
      server: 'a provider',
      answer: 'begin its answer, and to end one that is not streamed',
      answerMs: 600_000,
    }),
    streamIdleMs: z.int().min(100).max(3_600_000).default(120_000).describe('Longest silence inside a stream.'),
    streamMs: z.int().min(100).max(86_400_000).default(3_600_000).describe('Longest stream.'),
    maxConnections: connectionLimit('agents, and to each endpoint of a provider'),
  })
  .prefault({});

const estimateConfig = z
  .strictObject({
    bytesPerToken: z
      .number()
      .min(1)
      .max(16)
      .default(2)
      .describe(
        'Bytes of a request that count as one token. 1 is a bound for every tokenizer that works on bytes; usual text has 3 to 5.',
      ),
    tokensPerMedia: z
      .int()
      .min(0)
      .max(10_000_000)
      .default(5_000)
      .describe('What an image, sound or file counts as, whether it is sent or named.'),
    outputTokens: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(4_096)
      .describe('What an answer counts as when the request sets no limit.'),
    enforced: z
      .boolean()
      .default(false)
      .describe(
        'Whether no answer may have more tokens than were counted for it: a request without a limit is sent with outputTokens as ' +
          'its limit, and a stream that goes on beyond its limit is cut off.',
      ),
  })
  .prefault({});

/** The name that agents ask for. */
export function exposedName(model: { readonly name: string; readonly alias?: string | undefined }): string {
  return model.alias ?? model.name;
}

/** `llm`: the model gateway. */
export const llmConfig = z
  .strictObject({
    listen: listenConfig.describe('Where agents connect.'),
    allowedHosts,
    allowedOrigins,
    providers: z
      .array(providerConfig)
      .min(1)
      .max(64)
      .refine((list) => new Set(list.map((one) => one.name)).size === list.length, 'names must be distinct')
      .describe('Where models run.'),
    tools: toolsConfig.describe('Calls of tools that models propose.'),
    maxTokens: z
      .enum(['lower', 'refuse'])
      .default('lower')
      .describe(
        'What becomes of a request that may use more than the condition max_tokens of its decision: it is asked about and sent ' +
          'with a lower limit, or refused.',
      ),
    estimate: estimateConfig.describe('How request.estimated_tokens is worked out.'),
    limits: limitsConfig.describe('Caps and times.'),
  })
  .superRefine(({ providers }, context) => {
    for (const kind of APIS) {
      const seen = new Set<string>();
      for (const [at, { models }] of providers.entries()) {
        if (providers[at]?.kind !== kind) continue;
        for (const [place, model] of models.entries()) {
          const exposed = exposedName(model);
          if (seen.has(exposed)) {
            const message = `another model of an ${kind} provider is called "${exposed}"; give one of them an alias`;
            context.addIssue({ code: 'custom', path: ['providers', at, 'models', place], message });
          }
          seen.add(exposed);
        }
      }
    }
  });

/** Value of {@link llmConfig}. */
export type LlmConfig = z.output<typeof llmConfig>;
/** A provider, as configured. */
export type ProviderConfig = LlmConfig['providers'][number];
