import type { z } from 'zod';
import { type Environment, processEnvironment } from '../config/environment.js';
import { usage } from '../config/flags.js';
import { type ConfigSpec, type LoadedConfig, loadConfig } from '../config/load.js';
import { formatConfigProblem } from '../config/problem.js';
import { redactConfig } from '../config/redact.js';
import { LOG_FIELD } from '../log/fields.js';
import { createLogger, LOG_LEVELS, type LogLevel } from '../log/logger.js';
import { createServiceContext } from './context.js';
import { EXIT } from './exit-codes.js';
import { nodeProcess, type ProcessHost } from './process-host.js';
import type { Service, ServiceContext } from './service.js';
import { superviseService } from './supervise.js';

/** What a process is. */
export interface ServiceSpec<S extends z.ZodType> extends ConfigSpec<S> {
  readonly version?: string;
  /** Modes in which standard output carries a protocol; logs then go to standard error whatever the config says. */
  readonly protocolOnStdout?: readonly string[];
  /** The composition root. Binds ports; what it throws ends the process with 1. */
  readonly compose: (config: z.output<S>, context: ServiceContext) => Promise<Service>;
}

/**
 * Runs a whole service process: configuration (exit 64 before `compose` when it is wrong), logging, metrics, health,
 * tasks, signals and the ordered drain. Ends the process: 0 after SIGTERM or SIGINT, 1 after any failure or a second
 * signal.
 * @param argv default: the process's own arguments.
 * @param env default: the process's own environment.
 * @param host default: the process itself.
 */
export async function runService<S extends z.ZodType>(
  spec: ServiceSpec<S>,
  argv: readonly string[] = process.argv.slice(2),
  env: Environment = processEnvironment(),
  host: ProcessHost = nodeProcess(),
): Promise<void> {
  const loaded = loadConfig(spec, argv, env);
  const done = answerAtOnce(spec, loaded, host);
  if (done !== undefined) host.setExitCode(done);
  else if (loaded.ok) host.exit(await run(spec, loaded, host));
}

type Valid<S extends z.ZodType> = Extract<LoadedConfig<S>, { ok: true }>;

/** Handles the flags that only print, and a configuration that is wrong; the exit code, or undefined to go on. */
function answerAtOnce<S extends z.ZodType>(
  spec: ServiceSpec<S>,
  loaded: LoadedConfig<S>,
  host: ProcessHost,
): number | undefined {
  const { flags } = loaded;
  if (flags.help) {
    host.stdout(usage(spec.name, spec.modes ?? []));
    return EXIT.ok;
  }
  if (flags.version) {
    host.stdout(`${spec.name} ${spec.version ?? '0.0.0'}\n`);
    return EXIT.ok;
  }
  if (!loaded.ok) {
    for (const problem of loaded.problems) host.stderr(`${formatConfigProblem(problem)}\n`);
    return EXIT.usage;
  }
  if (flags.printConfig) {
    host.stdout(`${JSON.stringify(redactConfig(loaded.config), null, 2)}\n`);
    return EXIT.ok;
  }
  if (flags.checkConfig) {
    host.stdout('configuration is valid\n');
    return EXIT.ok;
  }
  return undefined;
}

async function run<S extends z.ZodType>(spec: ServiceSpec<S>, loaded: Valid<S>, host: ProcessHost): Promise<number> {
  const { flags } = loaded;
  const log = createLogger({
    component: spec.name,
    ...logSettings(loaded.config, (spec.protocolOnStdout ?? []).includes(flags.mode ?? '')),
  });
  const drain = new AbortController();
  const stop = new AbortController();
  let failed = false;

  host.onSignal((signal) => {
    if (drain.signal.aborted) {
      log.fatal({ [LOG_FIELD.signal]: signal }, 'Second signal, ending at once');
      host.exit(EXIT.failure);
      return;
    }
    log.info({ [LOG_FIELD.signal]: signal }, 'Draining');
    drain.abort();
  });
  host.onUnexpected((error) => {
    failed = true;
    log.fatal({ [LOG_FIELD.error]: error }, 'Unexpected failure, draining');
    drain.abort();
  });

  const addresses: Record<string, string> = {};
  const context = createServiceContext({
    name: spec.name,
    ...(spec.version === undefined ? {} : { version: spec.version }),
    log,
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    rest: loaded.rest,
    signal: stop.signal,
    announce: (name, address) => {
      addresses[name] = address;
    },
    requestDrain: () => drain.abort(),
  });
  context.health.check('draining', () => !drain.signal.aborted || 'draining');

  const service = await composeOrGiveUp(spec, loaded, context, drain.signal, stop);
  if (service === undefined) return drain.signal.aborted && !failed ? EXIT.ok : EXIT.failure;
  log.info({ addresses }, 'Started');
  if (flags.announce && !drain.signal.aborted) {
    host.stdout(`${JSON.stringify({ ready: true, service: spec.name, addresses })}\n`);
  }
  const code = await superviseService(service, { drain: drain.signal, stop, log });
  log.info({ code: failed ? EXIT.failure : code }, 'Ended');
  return failed ? EXIT.failure : code;
}

/** Composes; a drain that is asked for meanwhile aborts the composing through `context.signal`. */
async function composeOrGiveUp<S extends z.ZodType>(
  spec: ServiceSpec<S>,
  loaded: Valid<S>,
  context: ServiceContext,
  drain: AbortSignal,
  stop: AbortController,
): Promise<Service | undefined> {
  const giveUp = (): void => stop.abort();
  drain.addEventListener('abort', giveUp, { once: true });
  try {
    return await spec.compose(loaded.config, context);
  } catch (error: unknown) {
    if (!drain.aborted) context.log.fatal({ [LOG_FIELD.error]: error }, 'Start failed');
    return undefined;
  } finally {
    drain.removeEventListener('abort', giveUp);
  }
}

/** The `log` part of a configuration, when it has one of the known shape. */
function logSettings(
  config: unknown,
  protocolOnStdout: boolean,
): { level?: LogLevel; destination: 'stdout' | 'stderr' } {
  const part: unknown = typeof config === 'object' && config !== null ? Reflect.get(config, 'log') : undefined;
  if (typeof part !== 'object' || part === null) return { destination: 'stderr' };
  const level = LOG_LEVELS.find((known) => known === Reflect.get(part, 'level'));
  const wantsStdout = Reflect.get(part, 'destination') === 'stdout' && !protocolOnStdout;
  return { ...(level === undefined ? {} : { level }), destination: wantsStdout ? 'stdout' : 'stderr' };
}
