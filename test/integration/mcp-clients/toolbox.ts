/** What the servers of both SDK generations can do, so that clients of both can be held to the same. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** Arguments of every tool. */
export const ARGUMENTS = {
  label: z.string().optional(),
  ms: z.number().optional(),
  size: z.number().optional(),
};
/** Arguments of every tool. */
export type Arguments = z.output<z.ZodObject<typeof ARGUMENTS>>;

/** What an SDK gives a running tool. */
export interface Running {
  readonly signal: AbortSignal;
  /** Tells the client, if it wants to know. */
  progress(done: number): Promise<void>;
  /** Ends the stream of this call before its answer, where the revision has that. */
  dropStream(): void;
}

/** A tool result. */
export type ToolResult = {
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
};
type ToolBody = (args: Arguments, running: Running) => ToolResult | Promise<ToolResult>;

/** A result that is a text. */
export const said = (text: string): ToolResult => ({ content: [{ type: 'text', text }] });

/** Text and numbers that a careless proxy changes. */
const GNARLY = {
  zulu: 1,
  alpha: [0.1, 1e21, 5e-324, -1, 9007199254740991, 1.7976931348623157e308],
  text: 'quote " backslash \\ slash / null \u0000 line \u2028 snow ☃ clef 𝄞 tab \t e\u0301',
  'key "with" \\ and ☃': { deep: [[[{ empty: {} }]], []], nothing: null, yes: true },
  html: '<script>alert("&amp;")</script>',
};

/** Remembers what was done, for the test to see which side effects there were. */
export function createToolbox(): ReadonlyMap<string, ToolBody> {
  const journal: string[] = [];
  return new Map<string, ToolBody>([
    ['echo', ({ label }) => said(label ?? '')],
    ['gnarly', () => ({ ...said(GNARLY.text), structuredContent: GNARLY })],
    ['big', ({ size }) => said('0123456789abcdef'.repeat((size ?? 0) / 16))],
    ['journal', () => said(journal.join('\n'))],
    ['pid', () => said(String(process.pid))],
    [
      'forbidden',
      ({ label }) => {
        journal.push(`forbidden ${label ?? ''}`);
        return said('done');
      },
    ],
    [
      'later',
      async ({ label, ms }) => {
        await delay(ms ?? 0);
        journal.push(`later ${label ?? ''}`);
        return said(label ?? '');
      },
    ],
    [
      'steps',
      async (_args, { progress, signal }) => {
        for (const done of [1, 2, 3]) await progress(done);
        // An answer right behind would overtake: clients forget who listens once they have one.
        await delay(60_000, undefined, { signal }).catch(() => undefined);
        return said('stepped');
      },
    ],
    [
      'hang',
      async ({ label }, { signal }) => {
        journal.push(`hang ${label ?? ''}`);
        await delay(60_000, undefined, { signal }).catch(() => undefined);
        journal.push(`${signal.aborted ? 'cancelled' : 'never cancelled'} ${label ?? ''}`);
        return said('hung');
      },
    ],
    [
      'away',
      async ({ label }, { dropStream }) => {
        dropStream();
        await delay(50);
        return said(`back ${label ?? ''}`);
      },
    ],
  ]);
}

/** What a server can ask its client for. */
export const QUESTIONS = ['sampling/createMessage', 'elicitation/create', 'roots/list'] as const;
/** One of them. */
export type Question = (typeof QUESTIONS)[number];

/** The form that an elicitation shows. */
export const FORM = {
  type: 'object' as const,
  properties: { colour: { type: 'string' as const } },
  required: ['colour'],
};
/** What a sampling request says. */
export const SAMPLING = {
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'say something' } }],
  maxTokens: 10,
};
