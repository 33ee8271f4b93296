import type { AttributeDefinition } from '#scim/attribute.ts';
import { parseDateTime } from '#scim/date-time.ts';
import type { JsonValue } from '#scim/json.ts';

/** A single value as filters compare it: text folded, a dateTime as a Date. */
export type FoldedValue = string | number | boolean | Date;

/**
 * Text as filters and unique keys compare it: two values of the attribute are the same when their folded texts are
 * (RFC 7643, sections 2.3.1 and 2.2; RFC 7644, section 3.4.2.2). Folding twice changes nothing more.
 */
export function foldText(attribute: AttributeDefinition, text: string): string {
  if (attribute.caseExact) return text;
  // A name that must be unique is prepared as RFC 8265 (UsernameCaseMapped) says, which also maps the width.
  const mapped = attribute.uniqueness === 'none' || attribute.declared ? text : mapWidth(text);
  // Lower-casing writes a sigma at the end of a word as ς; folded text must not depend on what stands beside it, or
  // the beginning of a value would not match the value.
  return mapped.toLowerCase().replaceAll('ς', 'σ').normalize('NFC');
}

/** A value as filters compare it; undefined for what has no comparable form: a complex value, or a date that is none. */
export function foldValue(attribute: AttributeDefinition, value: JsonValue): FoldedValue | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  return attribute.type === 'dateTime' ? parseDateTime(value) : foldText(attribute, value);
}

function mapWidth(text: string): string {
  return text.replace(/[\u3000\uff01-\uff9f\uffe0-\uffe2\uffe4-\uffe6\uffe8-\uffee]/g, (character) =>
    character.normalize('NFKC'),
  );
}
