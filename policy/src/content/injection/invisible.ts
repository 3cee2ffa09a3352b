/** Characters that a reader does not see and a model does. */

/** What hides nothing but itself: soft hyphen, zero-width, bidirectional controls, fillers, variation selectors. */
const INVISIBLE =
  /[\u00AD\u061C\u115F\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0]|\u034F|\u17B4|\u17B5|[\u180B-\u180D]|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}]/gu;
/** Tags: an invisible copy of ASCII. */
const TAGS = /[\u{E0000}-\u{E007F}]+/gu;
const TAG_OFFSET = 0xe0000;

/** A text without what cannot be seen. */
export interface Unveiled {
  readonly text: string;
  /** How many characters were taken out. */
  readonly removed: number;
  /** What the invisible tag characters spell. */
  readonly hidden: string;
}

/** Takes invisible characters out and reads those that spell something. */
export function unveil(text: string): Unveiled {
  let hidden = '';
  const visible = text
    .replaceAll(TAGS, (run) => {
      for (const character of run) hidden += String.fromCodePoint((character.codePointAt(0) ?? 0) - TAG_OFFSET);
      return '';
    })
    .replaceAll(INVISIBLE, '');
  return {
    text: visible,
    removed: text.length - visible.length,
    hidden: hidden.replaceAll(/[^\x20-\x7E]/g, ' ').trim(),
  };
}
