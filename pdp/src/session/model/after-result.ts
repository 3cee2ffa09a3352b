import { INSTRUCTIONS_FROM, instructionScore } from '@portcullis/policy/content';
import { INJECTION_LABEL } from '@portcullis/policy/risk';
import type { ToolAnnotations } from './annotations.js';
import { attemptName, originName } from './attempt-names.js';
import type { Resulted } from './events.js';
import { leavesOf } from './leaves.js';
import { type Placing, remember } from './memory.js';
import { isPrincipal, isStranger, isUser } from './principals.js';
import { VALUE_LABELS } from './provenance.js';
import { type Belief, SESSION_CAPS, type SessionState } from './state.js';
import type { WordCodes } from './words.js';

/** The state once an allowed attempt brought something back. */
export function afterResulted(
  state: SessionState,
  { request, result, annotations }: Resulted,
  codes: WordCodes,
): SessionState {
  const origin = originName(request);
  const attempt = attemptName(request);
  const coming = state.expected.filter((one) => one.attempt === attempt);
  // What nobody expected, or no longer, may have been asked for by anybody.
  const steered = coming.length === 0 || coming.some((one) => one.steered);
  const isDocument = coming.length === 0 || coming.some((one) => one.isDocument);
  if (result === null) return afterUnknown(state, annotations);
  const leaves = leavesOf(result, isDocument);
  const output = annotations?.output;
  const principals = new Map(
    leaves
      .filter(({ name }) => name !== undefined && isPrincipal(name, annotations))
      .map(({ item, text }) => [item, text]),
  );
  const placed = leaves.map(({ text, kind, name, item }) => {
    const principal = principals.get(item);
    const isOwn = output?.principal_fields !== undefined && principal !== undefined && isUser(state, principal, codes);
    const isDeclared = output?.from === 'trusted' || (name !== undefined && output?.trusted_fields?.includes(name));
    let belief: Belief = kind;
    if (isDeclared || isOwn) belief = 'trusted';
    else if (name !== undefined && isPrincipal(name, annotations) && isStranger(state, text, codes)) belief = 'prose';
    return { placing: { origin, belief, steered } satisfies Placing, text };
  });
  const isUntrusted = placed.some(({ placing, text }) => (placing.belief === 'prose' || steered) && text !== '');
  const isInstructing = placed.some(
    ({ placing, text }) => placing.belief !== 'trusted' && instructionScore(text).score >= INSTRUCTIONS_FROM,
  );
  const labels = [
    ...state.labels,
    ...(output?.labels ?? []),
    ...(isUntrusted ? [VALUE_LABELS.untrusted] : []),
    ...(isInstructing ? [INJECTION_LABEL] : []),
  ];
  const asksForCode =
    annotations?.effect !== 'read' && !steered && !isDocument && leaves.some(({ text }) => ASKS_FOR_CODE.test(text));
  const server = request.tool?.server;
  return {
    ...remember(state, placed, codes),
    expected: state.expected.filter((one) => one.attempt !== attempt),
    labels: boundedLabels(labels),
    ...(asksForCode && server !== undefined ? { pending: [...state.pending, server].slice(-SESSION_CAPS.open) } : {}),
  };
}

/** Nobody knows what came back, so it may have been anything that the tool can bring. */
function afterUnknown(state: SessionState, annotations: ToolAnnotations | undefined): SessionState {
  const isTrusted = annotations?.output?.from === 'trusted';
  const labels = [
    ...state.labels,
    ...(annotations?.output?.labels ?? []),
    ...(isTrusted ? [] : [VALUE_LABELS.untrusted]),
  ];
  return { ...state, overflow: state.overflow || !isTrusted, labels: boundedLabels(labels) };
}

/** Labels that policies of ours read come first: they are never the ones left out. */
function boundedLabels(labels: readonly string[]): readonly string[] {
  const unique = [...new Set(labels)];
  if (unique.length <= SESSION_CAPS.labels) return unique;
  const isFirst = (label: string): boolean => label === VALUE_LABELS.untrusted || label === INJECTION_LABEL;
  return [...unique.filter(isFirst), ...unique.filter((label) => !isFirst(label))].slice(0, SESSION_CAPS.labels);
}

/** How services say that an operation waits for a code. */
const ASKS_FOR_CODE =
  /\b(?:one[- ]time (?:password|code|passcode)|otp|2fa|two[- ]factor|verification (?:code|email|e-mail)|(?:verify|confirm|authenticate) (?:your|the|this|it|account|identity))\b/iu;
