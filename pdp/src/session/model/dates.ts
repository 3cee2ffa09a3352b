/** Days of the calendar in the forms in which people write them. Agents hand on `2025-01-11` where the user said "January 11th". */

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;
/** ISO 8601, a day alone or its midnight. */
const DAY = /^\s*\d{4}-(\d{2})-(\d{2})(?:[T ]00:00(?::00)?Z?)?\s*$/u;

/**
 * How people write a day, as words in order: month and day, with and without endings; none for what is no day. The year is left
 * out, as people leave it out.
 */
export function spokenDays(text: string): readonly (readonly string[])[] {
  const found = DAY.exec(text);
  const month = MONTHS[Number(found?.[1]) - 1];
  const day = Number(found?.[2]);
  if (month === undefined || !(day >= 1 && day <= 31)) return [];
  const days = [String(day), `${day}${ending(day)}`];
  return [...new Set([month, month.slice(0, 3)])].flatMap((name) =>
    days.flatMap((one) => [
      [name, one],
      [one, name],
      [one, 'of', name],
    ]),
  );
}

function ending(day: number): string {
  if (day >= 11 && day <= 13) return 'th';
  return ['th', 'st', 'nd', 'rd'][day % 10] ?? 'th';
}
