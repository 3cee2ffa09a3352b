import type { ContextualRequest, Json } from '@portcullis/policy/model';
import type { Axis, ExpectationShape, WrittenReading } from './suite-schema.js';

/** What is expected of a case. Without any part of it, a denial. */
export type Expectation = ExpectationShape;

/** Which fixtures a case was made of. */
export type Combination = { readonly [axis in Axis]?: string };

/** One request and what is expected of it. */
export interface TestCase {
  readonly suite: string;
  readonly test: string;
  /** Empty for a test without a matrix. */
  readonly combination: Combination;
  readonly request: ContextualRequest;
  /** By `<slug>` or `<layer>/<slug>` of the quota's policy. */
  readonly readings: { readonly [policy: string]: WrittenReading };
  /** The holds that people have agreed to. */
  readonly approved: readonly string[];
  readonly expect: Expectation;
  /** Whether an error that the expectation does not name fails the test. */
  readonly strict: boolean;
  /** Where the test begins. */
  readonly file: string;
  readonly line: number;
  /** Why it is left out. */
  readonly skip?: string;
}

/** A file of tests, its matrices expanded. */
export interface TestSuite {
  readonly name: string;
  readonly file: string;
  /** Values of parameters, for the suites of a pack. */
  readonly parameters: { readonly [name: string]: Json };
  readonly cases: readonly TestCase[];
}

/** A case's name for people: the test's, and the combination. */
export function caseName({ test, combination }: Pick<TestCase, 'test' | 'combination'>): string {
  const parts = Object.values(combination);
  return parts.length === 0 ? test : `${test} [${parts.join(' × ')}]`;
}
