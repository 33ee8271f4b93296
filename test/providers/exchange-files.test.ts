import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers, readExchangeFile } from './exchange-file.ts';
import { proseChecks } from './prose-checks.ts';

test('every condition in words has a check, and every check an exchange', () => {
  for (const name of providers) {
    const conditions = readExchangeFile(name)
      .exchanges.filter(({ answer, verify }) => answer.also ?? verify?.also)
      .map((exchange) => exchange.name);
    assert.deepEqual(Object.keys(proseChecks[name] ?? {}).toSorted(), conditions.toSorted(), name);
  }
});

test('no exchange has two conditions in words, which one check could not tell apart', () => {
  for (const name of providers)
    for (const { name: exchange, answer, verify } of readExchangeFile(name).exchanges)
      assert.ok(answer.also === undefined || verify?.also === undefined, exchange);
});

const users = ['connection test', 'match', 'create', 'read', 'update', 'deactivate', 'restore', 'delete'];
const groups = ['create group', 'add members', 'remove members', 'update group', 'delete group'];
const lifeCycle = [...users, ...groups];

/** What a provider does not do, or what is not known of it. */
const without: Readonly<Record<string, readonly string[]>> = {
  // Okta never deletes a user, only deactivates.
  okta: ['delete'],
  onelogin: ['read', 'update group', 'delete group'],
  jumpcloud: ['read'],
  google: ['restore', ...groups],
};

test('the exchanges cover the life cycle', () => {
  for (const name of providers) {
    const steps = new Set(readExchangeFile(name).exchanges.map(({ step }) => step));
    assert.deepEqual(
      lifeCycle.filter((step) => !steps.has(step)),
      without[name] ?? [],
      name,
    );
  }
});
