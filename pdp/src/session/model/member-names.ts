/** Names of arguments and members as services write them, in one way of writing. */

const HUMP = /(\p{Ll}|\p{N})(\p{Lu})/gu;
const LAST_OF_CAPITALS = /(\p{Lu})(\p{Lu}\p{Ll})/gu;
const SEPARATORS = /[\s.:-]+/gu;

/** `userEmail`, `user-email` and `UserEMail` as `user_email`, so that one vocabulary reads all of them. Linear in the name. */
export function snakeCase(name: string): string {
  return name.replace(LAST_OF_CAPITALS, '$1_$2').replace(HUMP, '$1_$2').replace(SEPARATORS, '_').toLowerCase();
}
