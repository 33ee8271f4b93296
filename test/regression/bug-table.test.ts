import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const rows = [...read('README.md').matchAll(/^\| ([a-z0-9-]+) \| .+ \| \[[^\]]+\]\(([^)]+)\) \|$/gm)].map(
  ([, bug = '', file = '']) => ({ bug, file }),
);

/** The titles of a file's tests and suites. */
function titlesOf(file: string): readonly string[] {
  return [...read(file).matchAll(/^\s*(?:test|suite|it)\(\s*(['"`])(.*?)\1,/gm)].map(
    ([, , title = '']) => title,
  );
}

test('the table names for each bug a file whose tests have its name', () => {
  assert.ok(rows.length > 50, `${rows.length} rows`);
  for (const { bug, file } of rows) {
    const isFound = file === `${bug}.test.ts` || titlesOf(file).some((title) => title.includes(bug));
    assert.ok(isFound, `${file} has no test of ${bug}`);
  }
});

test('each bug that a test is named after is in the table', () => {
  const listed = new Set(rows.map(({ bug, file }) => `${file}: ${bug}`));
  for (const file of readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'))) {
    for (const title of titlesOf(file)) {
      const [, bug] = /^([a-z0-9]+(?:-[a-z0-9]+)+):/.exec(title) ?? [];
      if (bug !== undefined) assert.ok(listed.has(`${file}: ${bug}`), `${file}: ${bug}`);
    }
  }
});
