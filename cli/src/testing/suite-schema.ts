import { RFC3339 } from '@portcullis/policy';
import {
  ATTEMPT_KINDS,
  DECISION_EFFECTS,
  DENY_CODES,
  QUOTA_DIMENSIONS,
  QUOTA_KINDS,
  TASK_SCOPES,
  VALUE_ROLES,
} from '@portcullis/policy/model';
import { z } from 'zod';

/** The format of a suite, and of a file of shared fixtures. */
export const TESTS_FORMAT = 'portcullis.tests/1';
/** The folder of suites inside a policy folder. */
export const TESTS_FOLDER = 'tests';
/** The folder of shared fixtures. */
export const FIXTURES_FOLDER = 'tests/fixtures';
/** The axes of a matrix, and what a single test may name. */
export const AXES = ['principal', 'tool', 'context', 'request'] as const;
/** See {@link AXES}. */
export type Axis = (typeof AXES)[number];

/** Cases that one matrix may expand to, and tests of one suite. */
export const MAX_CASES = 100_000;

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

// Schemas are built by functions so that importing this file costs nothing.
/** A fixture's name. */
export const fixtureName = (): z.ZodString => z.string().regex(NAME, 'expected a name of letters, digits, _ and -');
const instant = () => z.string().regex(RFC3339, 'expected an RFC 3339 time such as 2026-01-01T09:00:00Z');
const open = () => z.record(z.string(), z.unknown());
const text = (max: number) => z.string().min(1).max(max);

function fixtureShapes() {
  const principal = z.strictObject({
    tenant_id: z.string().describe('The tenant.').optional(),
    agent: open().describe('The agent, as in a canonical request.').optional(),
    user: open().describe('The person, as in a canonical request.').optional(),
  });
  return {
    principals: z.record(fixtureName(), principal).describe('Who attempts: tenant_id, agent, user.').optional(),
    tools: z.record(fixtureName(), open()).describe('Tools: the `tool` of a canonical request.').optional(),
    contexts: z
      .record(fixtureName(), open())
      .describe('Circumstances: the `context` of a canonical request.')
      .optional(),
    requests: z.record(fixtureName(), open()).describe('Any part of a canonical request.').optional(),
  };
}

/** A file of `tests/fixtures/`: fixtures that every suite of the folder may name. */
export function sharedFixturesShape(): ReturnType<typeof buildSharedFixturesShape> {
  return buildSharedFixturesShape();
}

function buildSharedFixturesShape() {
  return z.strictObject({ format: z.literal(TESTS_FORMAT).describe('The format of the file.'), ...fixtureShapes() });
}
/** What a file of shared fixtures, or a suite's `fixtures`, says. */
export type FixturesShape = Omit<z.output<ReturnType<typeof buildSharedFixturesShape>>, 'format'>;

/** What is expected of one case; everything that is named must be so, what is not named may be anything. */
function expectationShape() {
  const typed = z.strictObject({ type: text(64), value: z.unknown().optional() });
  const quota = z.strictObject({
    policy: text(300).describe('Its policy: <slug> or <layer>/<slug>.'),
    kind: z.enum(QUOTA_KINDS).optional(),
    limit: z.number().optional(),
    window_seconds: z.number().optional(),
    per: z.array(z.enum(QUOTA_DIMENSIONS)).describe('Whose use is added up, in any order.').optional(),
  });
  return {
    effect: z.enum(DECISION_EFFECTS).describe('The outcome.').optional(),
    code: z.enum(DENY_CODES).describe('A code among the reasons of the denial or hold.').optional(),
    reason_code: text(128).describe("An author's reason code among the reasons of the denial or hold.").optional(),
    policies: z
      .array(text(300))
      .describe('The policies that matched, no more and no fewer: slugs, or <layer>/<slug>.')
      .optional(),
    conditions: z
      .array(typed)
      .describe('The conditions, no more and no fewer; a value is compared if given.')
      .optional(),
    obligations: z
      .array(typed)
      .describe('The obligations, no more and no fewer; a value is compared if given.')
      .optional(),
    quotas: z
      .array(quota)
      .describe('The quotas that an allow must reserve, no more and no fewer; of each, what is given is compared.')
      .optional(),
    errors: z
      .array(text(300))
      .describe('The policies that could not be evaluated, no more and no fewer: slugs, or <layer>/<slug>.')
      .optional(),
  };
}

/** An expectation that is written as an object. */
export function expectationObjectShape(): ReturnType<typeof buildExpectationObject> {
  return buildExpectationObject();
}

function buildExpectationObject() {
  return z.strictObject(expectationShape());
}
/** An expectation as written in full. */
export type ExpectationShape = z.output<ReturnType<typeof buildExpectationObject>>;

/** A row of a table of expectations: the combinations it speaks of, and what is expected of them. */
export function expectationRowShape(): ReturnType<typeof buildExpectationRow> {
  return buildExpectationRow();
}

function buildExpectationRow() {
  const names = () => z.union([fixtureName(), z.array(fixtureName()).min(1)]);
  return z.strictObject({
    principal: names().describe('A principal, or a list; any when absent.').optional(),
    tool: names().describe('A tool, or a list; any when absent.').optional(),
    context: names().describe('A context, or a list; any when absent.').optional(),
    request: names().describe('A request, or a list; any when absent.').optional(),
    ...expectationShape(),
  });
}
/** A row as written. */
export type ExpectationRowShape = z.output<ReturnType<typeof buildExpectationRow>>;

/** Facts that a PDP's context stage would have added. */
function factsShape() {
  const past = z.strictObject({
    kind: z.enum(ATTEMPT_KINDS),
    server: z.string().optional(),
    tool: z.string().optional(),
    operation: z.string().optional(),
    host: z.string().optional(),
    model: z.string().optional(),
    effect: z.enum(DECISION_EFFECTS),
    at: instant(),
    labels: z.array(z.string()).optional(),
  });
  const provenance = z.strictObject({
    path: text(512),
    origin: text(512),
    labels: z.array(z.string()),
    role: z.enum(VALUE_ROLES).optional(),
  });
  return z.strictObject({
    history: z.array(past).describe("The session's earlier attempts, oldest first.").optional(),
    provenance: z.array(provenance).describe('Where values of the request came from.').optional(),
    sinks: z.array(z.string()).describe('What the attempt would reach.').optional(),
    task_scope: z.enum(TASK_SCOPES).describe("How the attempt stands to the session's task.").optional(),
    totals: z.record(text(128), z.number()).describe('What the session has added up.').optional(),
  });
}

/** What has been used of a quota, in the units of its kind. */
function readingShape() {
  const full = z.strictObject({ used: z.number().min(0), frees_at: instant().optional() });
  const error = 'expected what has been used (a number), {used, frees_at}, or "unknown"';
  return z.union([z.number().min(0), z.literal('unknown'), full], { error });
}
/** What a test says of a quota. */
export type WrittenReading = z.output<ReturnType<typeof readingShape>>;

/** One test. `request` and `expect` are checked by their own readers, which know better messages. */
export function testShape(): ReturnType<typeof buildTestShape> {
  return buildTestShape();
}

function buildTestShape() {
  const axis = (what: string) => z.array(fixtureName()).min(1).describe(`The names of ${what}.`).optional();
  return z.strictObject({
    name: text(300).describe('What the test shows; unique in its suite.'),
    description: text(4000).describe('For people.').optional(),
    now: instant().describe("The frozen clock of this test; the suite's when absent.").optional(),
    principal: fixtureName().describe('A principal of the fixtures.').optional(),
    tool: fixtureName().describe('A tool of the fixtures.').optional(),
    context: fixtureName().describe('A context of the fixtures.').optional(),
    request: z.unknown().describe('Part of a canonical request, or the name of one of the fixtures.').optional(),
    matrix: z
      .strictObject({
        principals: axis('principals'),
        tools: axis('tools'),
        contexts: axis('contexts'),
        requests: axis('requests'),
      })
      .meta({ minProperties: 1 })
      .describe('Every combination of these is a case.')
      .optional(),
    facts: factsShape().describe('What a PDP would know besides the request.').optional(),
    readings: z
      .record(text(300), readingShape())
      .describe('How much of each quota is used, by <slug> or <layer>/<slug> of its policy; nothing when absent.')
      .optional(),
    approved: z.array(text(400)).describe('Holds that people have approved: <layer>/<set>/<slug>.').optional(),
    expect: z.unknown().describe('What is expected; a denial when absent.').optional(),
    skip: z.boolean().describe('Leaves the test out; it is counted and shown.').optional(),
    skip_reason: text(1000).describe('Why it is left out.').optional(),
  });
}
/** A test as written. */
export type TestShape = z.output<ReturnType<typeof buildTestShape>>;

/** A suite: one file of `tests/`. Its tests are checked one by one. */
export function suiteShape(): ReturnType<typeof buildSuiteShape> {
  return buildSuiteShape();
}

function buildSuiteShape() {
  return z.strictObject({
    format: z.literal(TESTS_FORMAT).describe('The format of the file.'),
    suite: text(200).describe('The name of the suite; unique in the folder.'),
    description: text(4000).describe('For people.').optional(),
    now: instant().describe('The frozen clock: the context.timestamp of every request that has none of its own.'),
    fixtures: z.strictObject(fixtureShapes()).describe('Named parts of requests.').optional(),
    parameters: open().describe('Values of parameters, in a suite of a pack.').optional(),
    options: z
      .strictObject({
        strict: z
          .boolean()
          .describe('A policy that cannot be evaluated fails the test unless `errors` names it; false when absent.')
          .optional(),
      })
      .optional(),
    tests: z.array(z.unknown()).min(1).max(MAX_CASES).describe('The tests.'),
  });
}
/** A suite as written. */
export type SuiteShape = z.output<ReturnType<typeof buildSuiteShape>>;
