import type { ConfigProblem } from './problem.js';

/** A `--set path=value`, not yet read. */
export interface SetFlag {
  readonly path: string;
  readonly value: string;
}

/** What the command line of every service may say. */
export interface Flags {
  readonly mode: string | undefined;
  readonly configFile: string | undefined;
  readonly sets: readonly SetFlag[];
  readonly checkConfig: boolean;
  readonly printConfig: boolean;
  readonly announce: boolean;
  readonly help: boolean;
  readonly version: boolean;
  /** Everything after a bare `--`. */
  readonly rest: readonly string[];
}

const SWITCHES = {
  '--check-config': 'checkConfig',
  '--print-config': 'printConfig',
  '--announce': 'announce',
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
} as const;

function problem(message: string, flag: string): ConfigProblem {
  return { code: 'ERR_CONFIG_FLAG', message, path: '', origin: flag };
}

function isSwitch(argument: string): argument is keyof typeof SWITCHES {
  return Object.hasOwn(SWITCHES, argument);
}

/** Reads a command line; collects every problem rather than stop at the first. */
export function parseFlags(
  argv: readonly string[],
  modes: readonly string[],
): { readonly flags: Flags; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const sets: SetFlag[] = [];
  const switches = { checkConfig: false, printConfig: false, announce: false, help: false, version: false };
  let configFile: string | undefined;

  const separator = argv.indexOf('--');
  const rest = separator < 0 ? [] : argv.slice(separator + 1);
  const queue = separator < 0 ? [...argv] : argv.slice(0, separator);
  const first = queue[0];
  const mode = first !== undefined && modes.includes(first) ? queue.shift() : undefined;

  while (queue.length > 0) {
    const argument = queue.shift() ?? '';
    if (isSwitch(argument)) {
      switches[SWITCHES[argument]] = true;
      continue;
    }
    const [name, inline] = splitOnce(argument);
    if (name !== '--config' && name !== '--set') {
      problems.push(problem(argument.startsWith('-') ? 'unknown flag' : 'unexpected argument', argument));
      continue;
    }
    const value = inline ?? queue.shift();
    if (value === undefined) {
      problems.push(problem('needs a value', name));
    } else if (name === '--config') {
      if (configFile !== undefined) problems.push(problem('given twice', name));
      configFile = value;
    } else {
      const [path, setting] = splitOnce(value);
      if (setting === undefined || path === '') problems.push(problem('needs the form path=value', name));
      else sets.push({ path, value: setting });
    }
  }
  return { flags: { mode, configFile, sets, ...switches, rest }, problems };
}

function splitOnce(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The text of `--help`. */
export function usage(name: string, modes: readonly string[]): string {
  const mode = modes.length > 0 ? ` [${modes.join('|')}]` : '';
  return [
    `Usage: ${name}${mode} [flags] [-- arguments]`,
    '',
    '  --config FILE      read settings from FILE (YAML or JSON)',
    '  --set PATH=VALUE   override one setting, e.g. --set listen.port=7443; repeatable',
    '  --check-config     check the configuration and exit: 0 when valid, 64 when not',
    '  --print-config     print the effective configuration as JSON, without secrets, and exit',
    '  --announce         print one JSON line to standard output when ready',
    '  --version          print the version and exit',
    '  --help             print this text and exit',
    '',
    `Precedence: flag, then environment (PORTCULLIS_${name.toUpperCase().replaceAll('-', '_')}_<PATH>), then file, then default.`,
    '',
  ].join('\n');
}
