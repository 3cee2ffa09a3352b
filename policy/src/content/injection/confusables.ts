/** Letters of other alphabets that look like Latin ones (a part of Unicode UTS #39, the letters that words are made of). */

const LOOKALIKES: readonly (readonly [string, string])[] = [
  // Cyrillic
  ['аеорсухіјѕԁһӏԛԝɡвкмнтгпь', 'aeopcyxijsdhlqwgbkmhtrnb'],
  ['АВЕКМНОРСТХУІЈЅԌԚԜ', 'ABEKMHOPCTXYIJSGQW'],
  // Greek
  ['αβεηικνορτυχωγ', 'abeniknoptuxwy'],
  ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', 'ABEZHIKMNOPTYX'],
  // Armenian, Cherokee, Latin small capitals and others that are drawn alike
  ['օսոհցձᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᏔᏃ', 'ounhgdABCDEHJKLMPRSTVWZ'],
  ['ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢıɩ', 'abcdefghijklmnoprstuvwyzii'],
];

const LATIN_OF: ReadonlyMap<string, string> = new Map(
  LOOKALIKES.flatMap(([from, to]) => {
    const latin = Array.from(to);
    return Array.from(from).map((character, index) => [character, latin[index] ?? character] as const);
  }),
);
const FOREIGN = /[^ -~\s]/u;
const LATIN = /[A-Za-z]/;

/**
 * Words that mix Latin letters with lookalikes, and words of lookalikes alone, spelt in Latin. A word with a letter that looks
 * like none is written in another alphabet, not disguised.
 */
export function withoutConfusables(text: string): string {
  if (!FOREIGN.test(text)) return text;
  return text.replaceAll(/[\p{L}\p{M}]{1,64}/gu, (word) => {
    if (!FOREIGN.test(word)) return word;
    const letters = Array.from(word);
    const isDisguised = LATIN.test(word) || letters.every((letter) => LATIN_OF.has(letter));
    return isDisguised ? letters.map((letter) => LATIN_OF.get(letter) ?? letter).join('') : word;
  });
}
