/** Answers `true` when all is well, else why not (for operators; no secrets). */
export type HealthCheck = () => true | string;

/** A check that does not pass now. */
export interface FailingCheck {
  readonly name: string;
  readonly reason: string;
}

/** Whether this process may receive work now. */
export interface Readiness {
  readonly ok: boolean;
  readonly failing: readonly FailingCheck[];
}

/** Readiness as the conjunction of named checks. */
export interface Health {
  /** Adds a check, or replaces the one of the same name. */
  check(name: string, check: HealthCheck): void;
  /** Runs every check; a check that throws fails. Not ready before the first check was added. */
  ready(): Readiness;
  /** Whether `ready` was ever ok: start-up is over. */
  started(): boolean;
}

function run(check: HealthCheck): true | string {
  try {
    return check();
  } catch (error: unknown) {
    return error instanceof Error ? error.message : 'check failed';
  }
}

/** Makes an empty set of checks, which is not ready. */
export function createHealth(): Health {
  const checks = new Map<string, HealthCheck>();
  let wasReady = false;

  const ready = (): Readiness => {
    if (checks.size === 0) return { ok: false, failing: [{ name: 'start', reason: 'starting' }] };
    const failing: FailingCheck[] = [];
    for (const [name, check] of checks) {
      const outcome = run(check);
      if (outcome !== true) failing.push({ name, reason: outcome });
    }
    wasReady ||= failing.length === 0;
    return { ok: failing.length === 0, failing };
  };

  return {
    check: (name, check) => void checks.set(name, check),
    ready,
    started: () => wasReady || ready().ok,
  };
}
