import { type Comparison, ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const caseExact = new Set([
  'id',
  'externalId',
  'profileUrl',
  'photos.value',
  'x509Certificates.value',
  'manager.value',
  'meta.resourceType',
  'meta.version',
]);
const times = new Set(['meta.created', 'meta.lastModified']);

/**
 * What RFC 7644 says about a filter and one resource as a client sees it, read naively: the oracle for what the database is
 * asked. It knows User and Group, and shares no code with the product.
 * @param inside the attribute in whose brackets the filter stands.
 */
export function naiveMatch(resource: JsonObject, filter: Filter, inside = ''): boolean {
  const { node } = filter;
  switch (node?.$case) {
    case 'and':
      return node.value.filters.every((part) => naiveMatch(resource, part, inside));
    case 'or':
      return node.value.filters.some((part) => naiveMatch(resource, part, inside));
    case 'not':
      return !naiveMatch(resource, node.value, inside);
    case 'present': {
      const { values } = find(resource, node.value, inside);
      return values.some(hasValue);
    }
    case 'comparison':
      return compare(resource, node.value, inside);
    case 'valuePath': {
      const { path, filter: part } = node.value;
      if (!path || !part) throw new Error('malformed');
      const { values } = find(resource, path, inside);
      return values.some((value) => isObject(value) && naiveMatch(value, part, path.attribute));
    }
    default:
      throw new Error('malformed');
  }
}

function compare(resource: JsonObject, { path, operator, literal }: Comparison, inside: string): boolean {
  if (!path || !literal?.value) throw new Error('malformed');
  const { values, name } = find(resource, path, inside);
  // A complex attribute is compared by its `value`.
  const held = values.map((value) => (isObject(value) ? value.value : value));
  if (literal.value.$case === 'null') {
    return held.some(hasValue) === (operator === ComparisonOperator.NE);
  }
  // Whether one of several values is primary is always known: a missing `primary` counts as false.
  const isFlag = inside === '' ? path.subAttribute === 'primary' : path.attribute === 'primary';
  const inElement = inside !== '' && held.length === 0 ? [undefined] : held;
  const subjects = isFlag ? inElement.map((value) => value ?? false) : held;
  const wanted = prepare(name, literal.value.value);
  // An attribute without a value is null, which differs from everything.
  return (subjects.length === 0 ? [undefined] : subjects).some((subject) =>
    subject === undefined
      ? operator === ComparisonOperator.NE
      : test(prepare(name, subject), operator, wanted),
  );
}

function test(value: unknown, operator: ComparisonOperator, wanted: unknown): boolean {
  const order =
    typeof value === 'string' && typeof wanted === 'string'
      ? byCodePoint(value, wanted)
      : Number(value) - Number(wanted);
  switch (operator) {
    case ComparisonOperator.EQ:
      return value === wanted;
    case ComparisonOperator.NE:
      return value !== wanted;
    case ComparisonOperator.CO:
      return String(value).indexOf(String(wanted)) >= 0;
    case ComparisonOperator.SW:
      return String(value).slice(0, String(wanted).length) === wanted;
    case ComparisonOperator.EW:
      return wanted === '' || String(value).slice(-String(wanted).length) === wanted;
    case ComparisonOperator.GT:
      return order > 0;
    case ComparisonOperator.GE:
      return order >= 0;
    case ComparisonOperator.LT:
      return order < 0;
    case ComparisonOperator.LE:
      return order <= 0;
    default:
      throw new Error('malformed');
  }
}

/** The values a path leads to; those of a sub-attribute have an entry, maybe undefined, for each value of the attribute. */
function find(
  resource: JsonObject,
  path: { extension: string; attribute: string; subAttribute: string },
  inside: string,
): { values: readonly (JsonValue | undefined)[]; name: string } {
  const holder = path.extension === enterprise ? resource.enterprise : resource;
  const held = isObject(holder) ? holder[path.attribute] : undefined;
  const elements: readonly (JsonValue | undefined)[] =
    held === undefined ? [] : Array.isArray(held) ? held : [held];
  const implied = elements.some(isObject) ? 'value' : '';
  const sub = path.subAttribute || (inside === '' ? implied : '');
  const name = [inside, path.attribute, sub].filter((part) => part !== '').join('.');
  if (path.subAttribute === '') return { values: elements, name };
  return {
    values: elements.map((element) => (isObject(element) ? element[path.subAttribute] : undefined)),
    name,
  };
}

function hasValue(value: JsonValue | undefined): boolean {
  if (isObject(value)) return Object.values(value).some(hasValue);
  return value !== undefined && value !== null && value !== '';
}

/** A value as it is compared. @param name the attribute's path without its schema. */
export function prepare(name: string, value: JsonValue): unknown {
  if (typeof value !== 'string') return value;
  if (times.has(name)) return Date.parse(value);
  if (caseExact.has(name)) return value;
  const narrow = [...value].map((character) =>
    name === 'userName' && character >= '！' && character <= '～'
      ? String.fromCharCode(character.charCodeAt(0) - 0xfee0)
      : character,
  );
  return narrow.join('').replace(/[Σς]/g, 'σ').toLowerCase().normalize('NFC');
}

/** Orders texts by code point. */
export function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const place = left.findIndex((character, index) => character !== right[index]);
  if (place < 0) return left.length - right.length;
  return (left[place]?.codePointAt(0) ?? 0) - (right[place]?.codePointAt(0) ?? -1);
}

/** Whether a value is complex. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
