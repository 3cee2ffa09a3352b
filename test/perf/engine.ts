/**
 * The policy engine beside its peers: what an answer costs, what loading the policies costs, and what they take of
 * memory, at 10 to 100,000 policies. All subjects get the same rules and questions in their own idiom, and their answers
 * are checked before they are timed (`engine/measure.ts`). Each subject at each size runs in a process of its own.
 *
 * Cases: `10000` (some rule speaks of the request), `10000 miss` (none does), `10000 worst` (the last one does),
 * `10000 prefixes` and so on (ours alone: how the rules say whom and what they mean), `10000 one-changed`, `10000 reload`.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SUBJECTS, type SubjectName } from './engine/subjects.js';
import { SHAPES, type Shape } from './engine/workload.js';
import type { Row } from './row.js';
import { rounded } from './statistics.js';

const SIZES = [10, 100, 1_000, 10_000, 100_000] as const;
/** Sizes at which the other shapes of rules are measured: whether the cost stays flat shows at the ends. */
const SHAPE_SIZES = [100, 10_000, 100_000] as const;
/** Sizes at which a release that changes one policy is measured. */
const CHANGE_SIZES = [1_000, 10_000, 100_000] as const;
/** A subject that takes longer than this at one size is given up there, and a row says so. */
const MAX_SECONDS = 600;
/** Megabytes of heap for a measuring process. */
const HEAP_MB = 6144;
const run = promisify(execFile);

/** Measures every subject that can be measured here; says on stderr which cannot, and what to type. */
export async function benchEngine(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of Object.keys(SUBJECTS) as SubjectName[]) {
    const missing = (await SUBJECTS[name]()).missing?.();
    if (missing !== undefined) {
      process.stderr.write(`${missing}\n`);
      continue;
    }
    for (const size of SIZES) rows.push(...(await measure(name, size, 'plain')));
  }
  for (const shape of SHAPES.filter((one) => one !== 'plain')) {
    for (const size of SHAPE_SIZES) rows.push(...(await measure('portcullis', size, shape)));
  }
  for (const size of CHANGE_SIZES) {
    process.stderr.write(`portcullis, one of ${size} policies changed\n`);
    rows.push(
      ...(await inOwnProcess('./engine/measure-changes.js', [`${size}`], { subject: 'portcullis', about: `${size}` })),
    );
  }
  return rows;
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** What the measuring process prints per line. */
interface Line {
  /** Which questions; empty for what is about none. */
  readonly kind: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

function measure(subject: SubjectName, size: number, shape: Shape): Promise<readonly Row[]> {
  process.stderr.write(`${subject}, ${size} policies${shape === 'plain' ? '' : ` with ${shape}`}\n`);
  const about = shape === 'plain' ? `${size}` : `${size} ${shape}`;
  return inOwnProcess('./engine/measure.js', [subject, `${size}`, shape], { subject, about });
}

/** Runs a measuring script and turns what it prints into rows; what it has printed when it is given up counts. */
async function inOwnProcess(
  script: string,
  args: readonly string[],
  { subject, about }: { readonly subject: SubjectName; readonly about: string },
): Promise<readonly Row[]> {
  const row = (name: string, metric: string, value: number, unit: string): Row => ({
    bench: 'engine',
    case: name,
    subject,
    metric,
    value: rounded(value),
    unit,
  });
  const file = fileURLToPath(new URL(script, import.meta.url));
  const command = ['--expose-gc', `--max-old-space-size=${HEAP_MB}`, file, ...args];
  const outcome = await run(process.execPath, command, { timeout: MAX_SECONDS * 1000, maxBuffer: 1024 * 1024 }).then(
    ({ stdout }) => ({ stdout, gaveUp: false }),
    (error: unknown) => {
      const { stdout = '', stderr = '', killed } = error as Partial<ExecFileException> & Partial<Printed>;
      if (killed !== true) process.stderr.write(`${subject} failed at ${about}:\n${stderr}\n`);
      return { stdout, gaveUp: killed === true };
    },
  );
  const lines = outcome.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  const rows = lines.map(({ kind, metric, value, unit }) => {
    const suffix = kind.replace(/^hit ?/, '');
    return row(suffix === '' ? about : `${about} ${suffix}`, metric, value, unit);
  });
  if (outcome.gaveUp) rows.push(row(about, 'gave_up_after_s', MAX_SECONDS, 's'));
  return rows;
}
