import { type CanonicalRequest, kindOf, type PastAttempt } from '@portcullis/policy/model';
import type { Attempted } from './events.js';

/** `tool:<server>/<name>`, or `model:<provider>/<model>`. */
export function originName(request: CanonicalRequest): string {
  const { tool, request: inference } = request;
  if (request.source === 'llm_proxy' && kindOf(request) === 'inference')
    return `model:${inference?.model_provider ?? ''}/${inference?.model ?? ''}`;
  return `tool:${tool?.server ?? ''}/${tool?.name ?? ''}`;
}

/** An attempt whose result is awaited: `<origin> <context.request_id>`. */
export function attemptName(request: CanonicalRequest): string {
  return `${originName(request)} ${request.context.request_id}`;
}

/** What the history keeps of an attempt. */
export function pastAttempt({ request, effect, at, annotations }: Attempted): PastAttempt {
  const { tool, egress, request: inference } = request;
  return {
    kind: kindOf(request),
    ...(tool?.server === undefined ? {} : { server: tool.server }),
    ...(tool?.name === undefined ? {} : { tool: tool.name }),
    ...(tool?.operation === undefined ? {} : { operation: tool.operation }),
    ...(egress?.host === undefined ? {} : { host: egress.host }),
    ...(inference?.model === undefined ? {} : { model: inference.model }),
    effect,
    at,
    ...(annotations?.output?.labels === undefined ? {} : { labels: annotations.output.labels }),
  };
}
