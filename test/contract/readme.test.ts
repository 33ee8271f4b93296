import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { runCommand } from '../support/run-command.ts';

const root = join(import.meta.dirname, '..', '..');

suite('the pages for people', () => {
  test('the table of environment variables is what the services read', async () => {
    const script = join(root, 'services', 'environment-table.ts');
    const { code, stderr } = await runCommand(process.execPath, [script, '--check']);
    assert.equal(code, 0, stderr);
  });

  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    test(`${page} points only at what is there`, async () => {
      const text = await readFile(join(root, page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
      assert.ok(links.length > 0);
      for (const target of links) await access(join(root, target));

      const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
      const commands = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
      for (const name of commands) assert.ok(name in scripts, `npm run ${name}`);
    });
  }
});
