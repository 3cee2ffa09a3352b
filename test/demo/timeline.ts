import { styleText } from 'node:util';

/** One step of the demo: what was tried, what had to come out, what did. */
export interface StepOutcome {
  readonly step: number;
  readonly title: string;
  readonly ok: boolean;
  readonly expected: string;
  readonly observed: string;
  readonly ms: number;
  /** Named measurements, in milliseconds unless the name says otherwise. */
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Prints steps as they end; JSON is printed once, at the end. */
export interface Timeline {
  note(text: string): void;
  add(outcome: StepOutcome): void;
  readonly outcomes: readonly StepOutcome[];
}

/** A timeline on stdout for people, or one that keeps stdout for the JSON document. */
export function createTimeline(json: boolean): Timeline {
  const begun = performance.now();
  const outcomes: StepOutcome[] = [];
  const out = json ? process.stderr : process.stdout;
  const clock = (): string => styleText('dim', `${((performance.now() - begun) / 1000).toFixed(3).padStart(7)} s`);
  return {
    outcomes,
    note(text) {
      out.write(`${clock()}    ${styleText('dim', text)}\n`);
    },
    add(outcome) {
      outcomes.push(outcome);
      const mark = outcome.ok ? styleText('green', '✓') : styleText('red', '✗');
      out.write(`${clock()}  ${mark} ${styleText('bold', `${outcome.step}. ${outcome.title}`)}\n`);
      out.write(`             ${outcome.observed}\n`);
      if (!outcome.ok) out.write(`             ${styleText('red', `expected: ${outcome.expected}`)}\n`);
      const figures = Object.entries(outcome.figures).map(([name, value]) => `${name} ${value}`);
      if (figures.length > 0) out.write(`             ${styleText('cyan', figures.join(' · '))}\n`);
    },
  };
}
