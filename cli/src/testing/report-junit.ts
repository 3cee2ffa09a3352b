import junit, { type Builder, type TestCase as CaseElement } from 'junit-report-builder';
import type { CaseResult, RunResult } from './run-suites.js';
import { caseName } from './suite.js';

/** A run as JUnit XML: a suite per suite, a case per case; what is wrong with one is its failure. */
export function junitReport({ suites }: RunResult): string {
  // The package's types speak of its CommonJS door; what Node imports is the builder itself.
  const report = (junit as unknown as Builder).newBuilder();
  for (const { name, file, results } of suites) {
    const suite = report.testSuite().name(printable(name));
    for (const result of results) {
      const element = suite
        .testCase()
        .className(printable(name))
        .name(printable(caseName(result.testCase)))
        .file(printable(`${file}:${result.testCase.line}`));
      describe(element, result);
    }
  }
  return report.build();
}

function describe(element: CaseElement, result: CaseResult): void {
  if (result.status === 'skipped') element.skipped().standardOutput(printable(result.reason));
  if (result.status !== 'failed') return;
  const lines = result.differences.map(
    ({ what, expected, found }) => `${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`,
  );
  element.failure(printable(lines[0] ?? ''), 'expectation').stacktrace(printable(lines.join('\n')));
}

/** XML 1.0 has no way to say most control characters, not even escaped. */
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

function printable(text: string): string {
  return text.replaceAll(NOT_XML, '\uFFFD');
}
