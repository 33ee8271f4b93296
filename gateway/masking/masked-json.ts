import type { AttributeDefinition, AttributeType } from '#scim/attribute.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { maskedText, maskFilter, maskFreeText, namesSecret } from './mask-text.ts';
import type { Secrets } from './secrets.ts';

/** JSON as it may be written down. */
export interface MaskedJson {
  /** The text. It is JSON unless it is cut. */
  readonly text: string;
  /** Whether something is missing at the end. */
  readonly cut: boolean;
  /** The names of the attributes whose values are replaced. */
  readonly names: readonly string[];
}

/** How JSON is masked. */
export interface MaskOptions {
  /** What must not be written down. */
  readonly secrets: Secrets;
  /** The token that came with the request. */
  readonly presented: string;
  /** How long the text may be, in bytes of UTF-8. */
  readonly maxBytes: number;
}

/**
 * Writes a value as JSON with placeholders in place of secrets, of the same type, so that the text can be sent again: also
 * in the operations of a PATCH, whose `path` says what their value is, in filters, and in the data of bulk requests.
 * Takes no longer than what it writes is long, whatever the value is.
 */
export function maskedJson(value: JsonValue, { secrets, presented, maxBytes }: MaskOptions): MaskedJson {
  const names = new Set<string>();
  const keys = new Map<string, MaskedKey>();
  let text = '';
  let isShortened = false;

  /** `name` is that of the attribute or key whose value the item is, or is in. */
  function write(item: JsonValue, name: string): void {
    if (text.length > maxBytes) return;
    if (typeof item === 'string') writeText(item, name);
    else if (isJsonArray(item)) writeList(item, (element) => write(element, name));
    else if (isJsonObject(item)) writeObject(item);
    else text += JSON.stringify(item);
  }

  function writeText(item: string, name: string): void {
    const whole = shortened(item);
    const masked = maskFreeText(whole, secrets, presented);
    if (masked !== whole) names.add(name);
    text += JSON.stringify(masked);
  }

  /** As much of a long text as can matter, ending with a word, for half of a token looks like none. */
  function shortened(long: string): string {
    if (long.length <= 2 * maxBytes) return long;
    isShortened = true;
    return long.slice(0, Math.max(0, long.lastIndexOf(' ', 2 * maxBytes)));
  }

  function writeObject(object: JsonObject): void {
    const pathKey = Object.keys(object).find((key) => key.length === 4 && key.toLowerCase() === 'path');
    const path = pathKey && object[pathKey];
    const ofSecret = typeof path === 'string' && namesSecret(path, secrets) ? path : undefined;
    writeEntries(object, (key, item) => {
      const { name, isSecret } = keyOf(key);
      if (isSecret) writePlaceholder(key, item);
      else if (typeof item === 'string' && (name === 'path' || name === 'filter')) {
        const masked = maskFilter(item, secrets, presented);
        if (masked !== item) names.add(name);
        text += JSON.stringify(masked);
      } else if (ofSecret !== undefined && name !== 'op') writePlaceholder(ofSecret, item);
      else write(item, key);
    });
  }

  /** Looks at a key once: in a list every item has the same. */
  function keyOf(key: string): MaskedKey {
    const known = keys.get(key);
    if (known) return known;
    const masked = `${JSON.stringify(maskFreeText(key, secrets, presented))}:`;
    const found = { name: key.toLowerCase(), isSecret: secrets.isSecret(key), text: masked };
    keys.set(key, found);
    return found;
  }

  function writePlaceholder(name: string, item: JsonValue): void {
    if (item !== null) names.add(secrets.definitionOf(name)?.name ?? maskFilter(name, secrets, presented));
    writeInPlace(item, secrets.definitionOf(name));
  }

  /** Writes a value of the same shape with nothing of it in it. */
  function writeInPlace(item: JsonValue, attribute: AttributeDefinition | undefined): void {
    if (text.length > maxBytes) return;
    if (isJsonArray(item)) writeList(item, (element) => writeInPlace(element, attribute));
    else if (isJsonObject(item)) {
      writeEntries(item, (key, part) => writeInPlace(part, partNamed(attribute, key)));
    } else if (typeof item === 'string') text += JSON.stringify(placeholders[attribute?.type ?? 'string']);
    else if (typeof item === 'number') text += '0';
    else if (typeof item === 'boolean') text += 'false';
    else text += 'null';
  }

  function writeList(list: readonly JsonValue[], writeElement: (element: JsonValue) => void): void {
    text += '[';
    for (const [index, element] of list.entries()) {
      if (text.length > maxBytes) return;
      if (index > 0) text += ',';
      writeElement(element);
    }
    text += ']';
  }

  function writeEntries(object: JsonObject, writeItem: (key: string, item: JsonValue) => void): void {
    text += '{';
    let isFirst = true;
    for (const [key, item] of Object.entries(object)) {
      if (text.length > maxBytes) return;
      if (!isFirst) text += ',';
      isFirst = false;
      text += keyOf(key).text;
      writeItem(key, item);
    }
    text += '}';
  }

  write(value, '');
  const begin = cutToBytes(text, maxBytes);
  return { text: begin, cut: isShortened || begin.length < text.length, names: [...names] };
}

/** A key of an object. */
interface MaskedKey {
  /** It in lower case. */
  readonly name: string;
  /** Whether its value is a secret. */
  readonly isSecret: boolean;
  /** How it stands before its value. */
  readonly text: string;
}

/** The beginning of a text that has at most this many bytes of UTF-8, in whole characters. */
export function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}

function partNamed(attribute: AttributeDefinition | undefined, key: string): AttributeDefinition | undefined {
  return attribute?.subAttributes.find(({ name }) => name.toLowerCase() === key.toLowerCase());
}

/** Of the form that the type demands of text. */
const placeholders: Readonly<Record<AttributeType, string>> = {
  string: maskedText,
  boolean: 'false',
  decimal: '0',
  integer: '0',
  dateTime: '1970-01-01T00:00:00Z',
  binary: Buffer.from('<masked>').toString('base64'),
  reference: 'urn:masked',
  complex: maskedText,
};
