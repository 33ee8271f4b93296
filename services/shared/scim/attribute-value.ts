import type { AttributeDefinition, AttributeType } from './attribute.ts';
import { parseDateTime } from './date-time.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { findSubAttribute } from './schema-registry.ts';
import { missedFormat } from './text-format.ts';

/** A value that an attribute cannot have. The message says what to change and is fit for the client. */
export class AttributeValueError extends Error {
  /** The attribute, as a path that begins with the attribute that was read: `emails.value`. */
  readonly attribute: string;

  constructor(attribute: string, message: string) {
    super(message);
    this.name = 'AttributeValueError';
    this.attribute = attribute;
  }
}

/** How to treat what the schema does not know. */
export interface ReadValueOptions {
  /** Whether an unknown sub-attribute is left out or is an error. */
  readonly unknown: 'ignore' | 'refuse';
  /** Whether text must have the form that the standard demands of it; default no. See `missedFormat`. */
  readonly checkFormats?: boolean;
  /** Told the path of each unknown sub-attribute that is left out, such as `emails.label`. */
  onIgnored?(path: string): void;
}

/**
 * Checks a value that a client sends for an attribute, and spells its keys as the schema does. A multi-valued attribute
 * takes a list; PATCH, which may send one value for it, has to make that a list first. Sub-attributes that no client can
 * write (read-only and derived ones) are left out.
 * @returns undefined when the value means "unassigned": null, an empty list or object, or nothing left of it
 * (RFC 7643, section 2.5)
 * @throws AttributeValueError when the value is not of the attribute's type
 */
export function readAttributeValue(
  attribute: AttributeDefinition,
  value: JsonValue,
  options: ReadValueOptions,
): JsonValue | undefined {
  return readAt(attribute.name, attribute, value, options);
}

function readAt(
  path: string,
  attribute: AttributeDefinition,
  value: JsonValue,
  options: ReadValueOptions,
): JsonValue | undefined {
  if (value === null) return undefined;
  if (!attribute.multiValued) return readOne(path, attribute, value, options);
  if (!isJsonArray(value)) throw mismatch(path, 'a list', value);
  const elements = value
    .map((element) => (element === null ? undefined : readOne(path, attribute, element, options)))
    .filter((element) => element !== undefined);
  return elements.length > 0 ? elements : undefined;
}

function readOne(
  path: string,
  attribute: AttributeDefinition,
  value: Exclude<JsonValue, null>,
  options: ReadValueOptions,
): JsonValue | undefined {
  if (attribute.type === 'complex') {
    if (!isJsonObject(value)) throw mismatch(path, 'an object', value);
    return readComplex(path, attribute, value, options);
  }
  const { accepts, wanted } = simpleTypes[attribute.type];
  if (!accepts(value)) throw mismatch(path, wanted, value);
  const missed = options.checkFormats && isText(value) ? missedFormat(attribute, value) : undefined;
  if (missed) throw new AttributeValueError(path, `${path} must be ${missed}.`);
  return value;
}

/** Any list of values may come with these; a schema that does not name one does not keep it (RFC 7643, section 2.4). */
const defaultSubAttributes: ReadonlySet<string> = new Set(['type', 'primary', 'display', 'value', '$ref']);

function readComplex(
  path: string,
  attribute: AttributeDefinition,
  value: JsonObject,
  options: ReadValueOptions,
): JsonObject | undefined {
  const seen = new Map<AttributeDefinition, string>();
  const entries: [string, JsonValue][] = [];
  for (const [key, item] of Object.entries(value)) {
    const sub = findSubAttribute(attribute, key);
    const subPath = `${path}.${sub?.name ?? key}`;
    if (sub === undefined) {
      const isKnown = attribute.multiValued && defaultSubAttributes.has(key.toLowerCase());
      if (options.unknown === 'refuse' && !isKnown) throw unknownSubAttribute(attribute, path, subPath);
      options.onIgnored?.(subPath);
      continue;
    }
    const other = seen.get(sub);
    if (other !== undefined) {
      throw new AttributeValueError(
        subPath,
        `${subPath} is there twice, as "${other}" and "${key}"; send one.`,
      );
    }
    seen.set(sub, key);
    if (sub.mutability === 'readOnly' || sub.derived) continue;
    const read = readAt(subPath, sub, item, options);
    if (read !== undefined) entries.push([sub.field, read]);
  }
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

interface SimpleType {
  readonly wanted: string;
  accepts(value: JsonValue): boolean;
}

const isText = (value: JsonValue): value is string => typeof value === 'string' && value.isWellFormed();

const simpleTypes: Readonly<Record<Exclude<AttributeType, 'complex'>, SimpleType>> = {
  string: { wanted: 'text', accepts: isText },
  reference: { wanted: 'a URI, as text', accepts: isText },
  boolean: { wanted: 'true or false, without quotes', accepts: (value) => typeof value === 'boolean' },
  decimal: { wanted: 'a number', accepts: (value) => typeof value === 'number' && Number.isFinite(value) },
  integer: { wanted: 'a whole number', accepts: (value) => Number.isSafeInteger(value) },
  dateTime: {
    wanted: 'a date, time and zone, such as "2026-01-31T23:59:59Z"',
    accepts: (value) => typeof value === 'string' && parseDateTime(value) !== undefined,
  },
  binary: { wanted: 'base64 text', accepts: (value) => typeof value === 'string' && isBase64(value) },
};

/** Either alphabet of RFC 4648, padded or not; certificates often come with the line breaks of PEM. */
function isBase64(text: string): boolean {
  // The dashes around PEM text could be digits of the URL-safe alphabet.
  if (text.includes('-----')) return false;
  const compact = text.replace(/\s+/g, '');
  const digits = compact.replace(/={1,2}$/, '');
  const padded = digits.length < compact.length;
  return (
    (/^[A-Za-z0-9+/]*$/.test(digits) || /^[A-Za-z0-9_-]*$/.test(digits)) &&
    digits.length % 4 !== 1 &&
    (!padded || compact.length % 4 === 0)
  );
}

// The value itself is not quoted: it may be about a person, and messages are logged.
function mismatch(path: string, wanted: string, value: JsonValue): AttributeValueError {
  const kind = isJsonArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  const got = kind === 'a string' ? 'text' : kind;
  const problem = got === wanted ? 'this text has half of a Unicode character' : `this is ${got}`;
  return new AttributeValueError(path, `${path} must be ${wanted}; ${problem}.`);
}

function unknownSubAttribute(
  attribute: AttributeDefinition,
  path: string,
  subPath: string,
): AttributeValueError {
  const known = attribute.subAttributes.map(({ name }) => name).join(', ');
  return new AttributeValueError(subPath, `${subPath} is not known; ${path} has ${known}.`);
}
