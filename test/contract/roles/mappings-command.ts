import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { runCommand } from '../../support/run-command.ts';
import type { RolesFixture } from './roles-fixture.ts';

/** What `rollcall mappings` does. */
export function testMappingsCommand({ rollcall, createRoles }: RolesFixture): void {
  suite('rollcall mappings', () => {
    const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'rollcall');
    const env = () => ({
      PATH: process.env.PATH,
      ROLLCALL_DATA_DIR: rollcall.dataDir,
      ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
    });

    test('lists, previews, sets, goes back and tells the history', async () => {
      const acme = await createRoles();
      const [ada = ''] = await acme.createUsers(['ada@example.com', 'bob@example.com']);
      await acme.groupOf('Admins', [ada]);
      const mappings = (...args: string[]) =>
        runCommand(launcher, ['mappings', ...args, '--connection', acme.connectionId], { env: env() });
      const printed = async (...args: string[]) => {
        const { code, stdout, stderr } = await mappings(...args);
        assert.deepEqual([code, stderr], [0, ''], args.join(' '));
        return stdout;
      };
      const failed = async (...args: string[]) => {
        const { code, stdout, stderr } = await mappings(...args);
        assert.equal(stdout, '');
        return [code, stderr];
      };
      const file = join(rollcall.dataDir, 'mappings.json');
      const write = (content: unknown) => writeFile(file, JSON.stringify(content));
      const content = {
        protectedRoles: ['admin'],
        mappings: [
          { id: 'admins', group: { displayName: 'Admins' }, roles: ['admin'], precedence: 10 },
          { id: 'all', everyone: true, roles: ['member'], notBefore: '2029-12-31T23:00:00.000Z' },
          { id: 'bobs', filter: 'userName sw "bob"', roles: ['editor', 'member'] },
          { id: 'typo', group: { externalId: 'nobody' }, roles: ['editor'] },
        ],
      };
      await write(content);
      const preview = await printed('preview', file);
      assert.match(preview, /^2 users would gain or lose a role\.\n\n/);
      assert.match(preview, /\nadmin +1 +0\neditor +1 +0\nmember +2 +0\n/);
      assert.match(preview, /\nada@example\.com +admin, member +-\n/);
      assert.match(preview, /name a group that does not exist: typo\./);
      assert.equal(await acme.position(), 4, 'a preview writes nothing');

      assert.equal(await printed('set', file, '--author', 'ada'), 'Version 1 is in force.\n');
      assert.equal(await printed('set', file), 'Version 1 is in force already.\n');
      assert.deepEqual(JSON.parse(await printed('list', '--json')), { version: 1, ...content });

      // What `list --json` wrote is only set on the version that it was read from.
      await write({ ...content, version: 0 });
      assert.deepEqual(await failed('set', file), [
        1,
        'error: Version 1 of the role mappings is in force; read it and repeat the edit on it.\n',
      ]);
      await write({ version: 1, mappings: [] });
      assert.match(await printed('preview', file), /set refuses that without --force\.\n$/);
      const [code, message] = await failed('set', file);
      assert.equal(code, 1);
      assert.match(
        String(message),
        /^error: Nobody would have the protected role admin any more: .*force the edit\.\n$/,
      );
      assert.equal(await printed('set', file, '--force'), 'Version 2 is in force.\n');
      const summary = JSON.parse(await printed('preview', '--at', '1', '--json'));
      assert.deepEqual([summary.users, summary.complete, summary.changes.length], [2, true, 2]);
      assert.equal(await printed('rollback', '1', '--author', 'cy'), 'Version 3 is in force.\n');
      const history = JSON.parse(await printed('history', '--json'));
      assert.deepEqual(
        history.map((row: Record<string, unknown>) => [row.version, row.mappings, row.rolledBackTo]),
        [
          [3, 4, 1],
          [2, 0, null],
          [1, 4, null],
        ],
      );
      assert.deepEqual([history[0].author, history[2].author], ['cy', 'ada']);
      assert.match(
        await printed('list', '--at', '1'),
        /\nbobs +editor, member +userName sw "bob" +- +- +-\n/,
      );

      const wrongly = async (wrong: unknown, name: string) => {
        const path = join(rollcall.dataDir, `${name}.json`);
        await writeFile(path, JSON.stringify(wrong));
        return failed('set', path);
      };
      const shape = {
        mappings: [
          { id: 'x', roles: ['r'] },
          { id: 'x', everyone: true, roles: 'r' },
        ],
        extra: 1,
      };
      const [shapes, filters, ids, noFile, noVersion] = await Promise.all([
        wrongly(shape, 'shape'),
        wrongly({ mappings: [{ id: 'x', filter: 'title eq', roles: ['r'] }] }, 'filter'),
        wrongly({ mappings: [{ id: 'X', everyone: true, roles: ['r'] }] }, 'id'),
        failed('preview'),
        failed('rollback', 'x'),
      ]);
      assert.match(
        String(shapes),
        /^1,.*mappings\.0: say whom it is about by one of .*mappings\.1\.roles: .*extra/,
      );
      assert.match(String(filters), /^1,error: The filter of the mapping x: /);
      assert.match(String(ids), /^1,error: mappings\[0\]\.id: must have 1 to 64/);
      assert.match(String(noFile), /^2,error: give either a file or --at <version>\n$/);
      assert.match(String(noVersion), /^2,error: .*whole number/);
    });
  });
}
