import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { ScimAnswer } from './scim-request.ts';

/** The files there are, without their ending. */
export const providers = ['entra', 'okta', 'onelogin', 'jumpcloud', 'google'];

/** What one provider sends; README.md beside the files explains every field. */
export interface ExchangeFile {
  readonly provider: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly exchanges: readonly ProviderExchange[];
}

/** One request and what has to come back. */
export interface ProviderExchange {
  readonly name: string;
  readonly step?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: JsonObject;
  };
  readonly answer: Expectations & { readonly status: readonly number[] };
  readonly verify?: Expectations & { readonly path: string };
  readonly capture?: Readonly<Record<string, string>>;
}

/** What a body and its headers must look like. */
export interface Expectations {
  readonly expect?: Readonly<Record<string, JsonValue>>;
  readonly absent?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly also?: string;
}

/** Reads the file of a provider, such as `entra`. */
export function readExchangeFile(name: string): ExchangeFile {
  return JSON.parse(readFileSync(new URL(`exchanges/${name}.json`, import.meta.url), 'utf8'));
}

/** Puts variables in place of their `{names}`, everywhere in a value. Fails on an unknown one. */
export function fill<Of>(value: Of, variables: Readonly<Record<string, string>>): Of;
export function fill(value: JsonValue | undefined, variables: Readonly<Record<string, string>>) {
  if (typeof value === 'string') {
    return value.replace(
      /\{(\w+)\}/g,
      (_, name: string) => variables[name] ?? assert.fail(`no variable ${name}`),
    );
  }
  if (isJsonArray(value)) return value.map((item): JsonValue => fill(item, variables));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, variables)]));
}

/** What a JSON pointer leads to; undefined when it leads nowhere. */
export function at(body: JsonValue | undefined, pointer: string): JsonValue | undefined {
  return pointer
    .split('/')
    .slice(1)
    .reduce<JsonValue | undefined>((value, key) => {
      if (isJsonArray(value)) return value[Number(key)];
      return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }, body);
}

/** Asserts that an answer is what an exchange expects, apart from the status and conditions in words. */
export function assertExpected(
  { expect = {}, absent = [], headers = {} }: Expectations,
  answer: ScimAnswer,
): void {
  for (const [header, value] of Object.entries(headers))
    assert.equal(answer.headers[header.toLowerCase()], value);
  if (answer.status === 204) return;
  for (const [pointer, wanted] of Object.entries(expect)) {
    const value = at(answer.body, pointer);
    const seen = `${pointer} is ${JSON.stringify(value)}`;
    if (!isJsonObject(wanted)) assert.deepEqual(value, wanted, seen);
    else if ('atLeast' in wanted) assert.ok(Number(value) >= Number(wanted.atLeast), seen);
    else assert.ok(conditions[String(wanted.is)]?.(value), `${seen}, not ${wanted.is}`);
  }
  for (const pointer of absent) assert.equal(at(answer.body, pointer), undefined, `${pointer} is there`);
}

const conditions: Readonly<Record<string, (value: JsonValue | undefined) => boolean>> = {
  text: (value) => typeof value === 'string' && value.trim() !== '',
  'whole number': Number.isInteger,
  'empty or absent': (value) => value === undefined || (isJsonArray(value) && value.length === 0),
};
