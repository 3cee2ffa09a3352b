import { z } from 'zod';
import type { JsonObject } from '../model/request.js';
import { isAttempt, pastAttempt, pastAttempts, pastPattern, presentAttempt } from './attempt-pattern.js';
import { absent, all, any, known, not } from './condition-text.js';
import { oneOrMore, strictConfig, wordOf } from './config-values.js';
import type { PolicyKind } from './kind.js';
import { MAX_WINDOW_SECONDS } from './rate-limit.js';

const HISTORY = 'facts.history';
const NOW = 'context.timestamp';

const config = () =>
  strictConfig({
    after: oneOrMore(
      pastAttempts(),
      'expected an earlier attempt such as {tool: "read_*"}, or a list of them',
      10,
    ).describe('What came earlier in the session; a list: one after the other, with anything between them.'),
    forbid: presentAttempt().describe('An attempt like this violates when it comes after `after`.').optional(),
    require: presentAttempt().describe('An attempt like this violates unless it comes after `after`.').optional(),
    until: pastAttempt().describe('An attempt after which what came before it no longer counts.').optional(),
    within_seconds: z
      .int()
      .min(1)
      .max(MAX_WINDOW_SECONDS)
      .describe('Only attempts of the last seconds count as earlier.')
      .optional(),
    within_calls: z
      .int()
      .min(1)
      .max(100_000)
      .describe('Only so many of the last attempts count as earlier.')
      .optional(),
    unknown: wordOf(['block', 'ignore'])
      .describe("Whether an attempt violates while the session's history is not known.")
      .default('block'),
  }).refine((value) => (value.forbid === undefined) !== (value.require === undefined), {
    message: 'a sequence has either forbid or require',
  });
type Config = z.output<ReturnType<typeof config>>;

/** What may not, or must, come before something else in a session. */
export const SEQUENCE: PolicyKind<Config> = {
  type: 'sequence',
  description: 'Within a session, an attempt may not come after another one, or only after it.',
  actions: ['deny', 'escalate', 'log_only'],
  config,
  example: {
    name: 'No messages after reading secrets',
    type: 'sequence',
    action: 'deny',
    priority: 10,
    config: {
      after: { server: 'vault', tool: 'read_*' },
      forbid: { server: 'mail', tool: 'send_*' },
      within_seconds: 3600,
    },
    enabled: true,
  },
  compile: (written) => {
    const { forbid, require, within_seconds } = written;
    const needed = [HISTORY, ...(within_seconds === undefined ? [] : [NOW])];
    const isUnknown = any(needed.map(absent));
    const follows = known(HISTORY, 'follows', sequenceOf(written));
    const out = require === undefined ? follows : not(follows);
    const wrong = written.unknown === 'block' ? any([isUnknown, out]) : all([not(isUnknown), out]);
    return {
      violation: all([isAttempt(forbid ?? require ?? {}), wrong]),
      denial: {
        code: require === undefined ? 'SEQUENCE_FORBIDDEN' : 'SEQUENCE_REQUIRED',
        message:
          require === undefined
            ? 'this is not permitted after what the session has done before'
            : 'this is permitted only after something that the session has not done',
      },
    };
  },
};

function sequenceOf({ after, until, within_seconds, within_calls }: Config): JsonObject {
  const steps = (Array.isArray(after) ? after : [after]).map((step) => ({
    ...pastPattern(step),
    ...(step.times === undefined ? {} : { times: step.times }),
  }));
  return {
    steps,
    ...(until === undefined ? {} : { until: pastPattern(until) }),
    ...(within_seconds === undefined ? {} : { within_seconds }),
    ...(within_calls === undefined ? {} : { within_calls }),
  };
}
