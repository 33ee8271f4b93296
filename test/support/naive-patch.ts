import { isDeepStrictEqual } from 'node:util';

type Bag = Record<string, unknown>;

/** An operation of the model. `where` selects values by equality of all its parts. */
export interface NaiveOperation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly enterprise: boolean;
  readonly attribute: string;
  readonly sub: string;
  readonly where: Bag | undefined;
  /** Ignored by `remove`; null unassigns. */
  readonly value: unknown;
}

/**
 * What operations on a user come to (RFC 7644, section 3.5.2), step by step on a copy: the oracle for PATCH. It knows which
 * attributes have several values only by `lists`, and shares no code with the product.
 * @returns undefined when an operation has no target.
 */
export function naivePatch(
  resource: object,
  operations: readonly NaiveOperation[],
  options: { readonly lists: readonly string[]; readonly create: boolean },
): Bag | undefined {
  const result: Bag = structuredClone({ ...resource });
  for (const operation of operations) {
    const holder: Bag = operation.enterprise ? bag(result.enterprise) : result;
    const isList = options.lists.includes(operation.attribute);
    const done = isList ? changeList(holder, operation, options.create) : changeOne(holder, operation);
    if (!done) return undefined;
    if (isEmpty(holder[operation.attribute])) delete holder[operation.attribute];
    if (operation.enterprise) result.enterprise = holder;
    if (isEmpty(result.enterprise)) delete result.enterprise;
  }
  return result;
}

function changeOne(holder: Bag, { op, attribute, sub, value }: NaiveOperation): boolean {
  const given = op === 'remove' ? null : value;
  if (sub !== '') {
    const whole = bag(holder[attribute]);
    assign(whole, { [sub]: given });
    holder[attribute] = whole;
  } else if (given !== null && typeof given === 'object') {
    const whole = bag(holder[attribute]);
    assign(whole, { ...given });
    holder[attribute] = whole;
  } else {
    assign(holder, { [attribute]: given });
  }
  return true;
}

function changeList(holder: Bag, operation: NaiveOperation, create: boolean): boolean {
  const { op, attribute, sub, where } = operation;
  const value = op === 'remove' ? null : operation.value;
  let list: Bag[] = Array.isArray(holder[attribute]) ? holder[attribute] : [];
  const before = new Map(list.map((item) => [item, structuredClone(item)]));
  if (sub === '' && where === undefined) {
    const given: Bag[] = value === null ? [] : structuredClone(Array.isArray(value) ? value : [bag(value)]);
    if (op !== 'add' || value === null) list = [];
    for (const item of given) {
      if (op === 'replace' || !list.some((known) => isDeepStrictEqual(known, item))) list.push(item);
    }
  } else {
    const selected = list.filter((item) => where === undefined || matches(item, where));
    if (selected.length === 0 && value !== null) {
      if (!create) return false;
      const created: Bag = { ...where };
      selected.push(created);
      list.push(created);
      if (sub === '') assign(created, bag(value));
    }
    for (const item of selected) {
      if (sub !== '') assign(item, { [sub]: value });
      else if (value === null || op === 'replace')
        swap(item, value === null ? {} : bag(value), before.has(item));
      else assign(item, bag(value));
    }
    list = list.filter((item) => !isEmpty(item));
  }
  list = withoutTwins(list);
  const primary = list.filter((item) => item.primary === true);
  const set = primary.filter((item) => !isDeepStrictEqual(before.get(item), item));
  const winner = set.at(-1) ?? primary.at(-1);
  for (const item of primary) if (item !== winner) item.primary = false;
  holder[attribute] = list;
  return true;
}

/** Of values with the same type and value only the first is kept, as primary when one of them is. */
function withoutTwins(list: readonly Bag[]): Bag[] {
  const text = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);
  return list.filter((item, index) => {
    const first = list.findIndex(
      ({ type, value }) => text(type) === text(item.type) && text(value) === text(item.value),
    );
    if (item.value === undefined || first === index) return true;
    if (item.primary === true) Object.assign(list[first] ?? {}, { primary: true });
    return false;
  });
}

/** A created value keeps what its filter says; a selected one is replaced. */
function swap(item: Bag, value: Bag, existed: boolean): void {
  if (existed) for (const key of Object.keys(item)) delete item[key];
  assign(item, value);
}

function assign(target: Bag, parts: Bag): void {
  for (const [key, value] of Object.entries(parts)) {
    if (value === null) delete target[key];
    else target[key] = structuredClone(value);
  }
}

function matches(item: Bag, where: Bag): boolean {
  return Object.entries(where).every(([key, wanted]) => {
    const held = item[key] ?? (key === 'primary' ? false : undefined);
    return typeof held === 'string' ? held.toLowerCase() === String(wanted).toLowerCase() : held === wanted;
  });
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function bag(value: unknown): Bag {
  return { ...(typeof value === 'object' ? value : {}) };
}
