/** Signs of the machinery around an assistant that have no business in what it reads. */

/** A sign. */
export interface Marker {
  readonly feature: string;
  readonly weight: number;
}

interface MarkerPattern extends Marker {
  /** Of bounded length, so that a search is linear; over text in lower case. */
  readonly pattern: RegExp;
}

const VERB =
  '(?:reveal|ignore|disregard|forget|send|forward|call|run|execute|approve|print|output|show|include|fetch|load|delete|transfer|email|you (?:are|must|will|should)|do not|always|never|override|grant|enable|vous|affichez|envoyez|ignorez|approuvez)';

const MARKERS: readonly MarkerPattern[] = [
  {
    feature: 'chat_template',
    weight: 0.6,
    pattern: /<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)\|>/,
  },
  {
    feature: 'chat_template',
    weight: 0.5,
    pattern: /\[\/?inst\]|<<\/?sys>>|<\/?(?:system|assistant)(?:[ _-](?:prompt|message|instructions?))?>/,
  },
  {
    feature: 'role_marker',
    weight: 0.55,
    pattern: new RegExp(
      `(?:^|[\\n\\]>".;-])\\s{0,4}(?:#{1,4} ?|\\*\\*|\\[)?(?:system|systeme|sistema|assistant|developer|admin)(?: (?:message|prompt|override|note|instruction))?(?:\\*\\*|\\])? ?: ?(?:\\*\\*)? {0,2}${VERB}\\b`,
    ),
  },
  {
    feature: 'role_marker',
    weight: 0.4,
    pattern: /(?:^|\n) {0,4}#{2,4} ?(?:system|instructions?|new instructions?|system prompt) ?:? {0,4}(?:\n|$)/,
  },
  {
    feature: 'hidden_comment',
    weight: 0.55,
    pattern: new RegExp(`<!--[^>]{0,200}?\\b(?:assistant|ai|agent|model|llm)\\b[^>]{0,80}?\\b${VERB}\\b`),
  },
  {
    feature: 'image_with_data',
    weight: 0.6,
    pattern: /!\[[^\]\n]{0,120}\]\(\s{0,4}(?:https?:)?\/\/[^)\s?]{1,300}\?[^)\s]{1,300}/,
  },
  {
    feature: 'load_with_data',
    weight: 0.5,
    pattern:
      /\b(?:load|fetch|open|visit|navigate to|call|get|request|ping|curl|wget|chargez|ouvrez|visitez|carga|abre|lade|offne|carica|apri) {1,3}(?:the (?:url|link|image|page) )?(?:https?:)?\/\/[^\s?"')]{1,300}\?[^\s"')]{1,200}/,
  },
  {
    feature: 'unrestricted_mode',
    weight: 0.5,
    pattern:
      /\b(?:developer|debug|god|dan|jailbreak|unrestricted|admin|maintenance|sudo) mode\b[^.\n]{0,60}\b(?:no|without|unlimited|enabled|activated|on|restrictions?)\b/,
  },
  {
    feature: 'send_to_address',
    weight: 0.5,
    pattern:
      /\b(?:then|and|puis|et|luego|y|dann|und|poi|e) (?:send|forward|email|post|upload|envoyez|envoie|envia|sende|schicke|invia)\b[^.\n]{1,80}\b(?:to|a|an|at|nach) {1,2}(?:[a-z0-9._%+-]{1,64}@[a-z0-9.-]{3,120}|https?:\/\/)/,
  },
  {
    feature: 'new_instructions',
    weight: 0.5,
    pattern:
      /\b(?:new|updated|real|actual|revised|nouvelles?|nuevas?|neue) (?:system )?(?:instructions?|task|objective|prompt|directives?|consignes?|instrucciones|anweisungen) ?(?::|is\b|are\b|follow|begin)/,
  },
];

/** The markers in a text in lower case, and where they begin and end, in UTF-16 units. */
export function markersOf(text: string): readonly (Marker & { readonly start: number; readonly end: number })[] {
  return MARKERS.flatMap(({ feature, weight, pattern }) => {
    const found = pattern.exec(text);
    return found === null ? [] : [{ feature, weight, start: found.index, end: found.index + found[0].length }];
  });
}
