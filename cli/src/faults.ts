import { formatProblem, type Problem } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';

/** A fault for a wrong command line: names the field, says what is expected and what to do. Exit code 2. */
export function usageFault(message: string): PortcullisError {
  return new PortcullisError('ERR_CLI_USAGE', 'invalid', message);
}

/** A fault that tells every problem of something that had to be valid; its details carry them as `problems`. */
export function problemFault(code: string, what: string, problems: readonly Problem[]): PortcullisError {
  const lines = problems.map((problem) => `\n  ${formatProblem(problem)}`).join('');
  return new PortcullisError(code, 'corrupt', `${what}:${lines}`, { details: { problems } });
}
