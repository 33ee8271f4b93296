import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { differences } from './rows/differences.ts';
import { requirementRows } from './rows/requirement-rows.ts';
import { rowExceptions } from './rows/row-exceptions.ts';

const folder = join(import.meta.dirname, '..');
const areas = new Set(requirementRows.map(({ id }) => id.replace(/-.*/, '')));
const rowIds = new Set(requirementRows.map(({ id }) => id));
const excepted = new Set(Object.keys(rowExceptions));

/**
 * The rows that a test file names: in parentheses at the end of a test's name, beside the names of bugs, or alone in a text
 * that a table of cases puts there.
 */
function rowsNamedIn(source: string): string[] {
  const lists = source.matchAll(/\(([^()'"`]*)\)['"`]|['"`]((?:[A-Z]+-\d\d(?:, )?)+)['"`]/g);
  const names = [...lists].flatMap(([, atEnd, alone]) => (atEnd ?? alone ?? '').split(', '));
  // Other ids, such as those of the interoperability notes, are not of an area of these rows.
  return names.filter((name) => /^[A-Z]+-\d+$/.test(name) && areas.has(name.replace(/-.*/, '')));
}

const named = new Map<string, string>();
for await (const file of glob('**/*.test.ts', { cwd: folder })) {
  for (const id of rowsNamedIn(await readFile(join(folder, file), 'utf8'))) named.set(id, file);
}

suite('the rows of the RFCs', () => {
  test('have an id, a source and a statement each, and no id twice', () => {
    assert.equal(rowIds.size, requirementRows.length);
    for (const { id, source, statement } of requirementRows) {
      assert.match(id, /^[A-Z]{2,4}-\d\d$/);
      assert.match(source, /^RFC \d{4}, \d/);
      assert.ok(statement.length > 5 && statement.length <= 90, id);
    }
  });

  test('are each proved by a test, or excepted for a reason', () => {
    const missing = requirementRows.filter(({ id }) => !named.has(id) && !excepted.has(id));
    assert.deepEqual(
      missing.map(({ id, source, statement }) => `${id} (${source}): ${statement}`),
      [],
    );
  });

  test('are the only ones that tests name', () => {
    const unknown = [...named].filter(([id]) => !rowIds.has(id));
    assert.deepEqual(unknown, []);
  });

  test('are excepted only while no test proves them', () => {
    assert.deepEqual(
      [...excepted].filter((id) => !rowIds.has(id)),
      [],
      'no such row',
    );
    assert.deepEqual(
      [...excepted].filter((id) => named.has(id)),
      [],
      'proved after all',
    );
    for (const [id, reason] of Object.entries(rowExceptions)) assert.ok(reason.length > 20, id);
  });

  test('differ on a default connection only by rules that exist', () => {
    const rules = new Set(Object.keys(leniencyRules));
    for (const [id, keys] of Object.entries(differences)) {
      assert.ok(rowIds.has(id), id);
      assert.ok(keys.length > 0, id);
      for (const key of keys) assert.ok(rules.has(key), `${id}: ${key}`);
    }
  });
});
