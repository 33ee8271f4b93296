import { filterLimits } from '#scim/filter-limits.ts';

/**
 * A filter or path as strings with their quotes, names and operators, and single characters of anything else; joined they
 * are the text again. A text that is over the limit of its parser stays whole: it is refused there. Takes time in
 * proportion to the text, for it runs before anything else has looked at it.
 */
export function textPieces(text: string): readonly string[] {
  if (text.length > filterLimits.length) return [text];
  // A string without its end goes to the end of the text, so that no character is looked at twice.
  return text.match(/"(?:[^"\\]|\\.|\\$)*(?:"|$)|[\w$:.-]+|./gs) ?? [];
}
