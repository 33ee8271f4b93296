import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { apiReferences } from '../../services/api-reference/api-references.ts';
import { anchor } from '../../services/api-reference/markdown.ts';
import { runCommand } from '../support/run-command.ts';

const root = join(import.meta.dirname, '..', '..');

/** What links to a page can name in it: its headings and what has an id. */
function anchorsIn(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchor(heading));
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)];
}

suite('the pages for people', () => {
  test('the table of environment variables is what the services read', async () => {
    const script = join(root, 'services', 'environment-table.ts');
    const { code, stderr } = await runCommand(process.execPath, [script, '--check']);
    assert.equal(code, 0, stderr);
  });

  test('the API references are what the contracts and the access service say; else run `npm run docs`', async () => {
    const pages = await apiReferences(root);
    const headings = new Map([...pages].map(([path, text]) => [path, anchorsIn(text)]));
    for (const [path, text] of pages) {
      assert.ok((await readFile(join(root, path), 'utf8')) === text, `${path} is stale`);
      for (const [, target = '', part = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)) {
        const page = target === '' ? path : join(dirname(path), target);
        await access(join(root, page));
        if (part === '') continue;
        const anchors = headings.get(page) ?? anchorsIn(await readFile(join(root, page), 'utf8'));
        assert.equal(
          anchors.filter((anchor) => anchor === part).length,
          1,
          `${path} points at ${page}#${part}`,
        );
      }
    }
    const trpc = pages.get('docs/reference/trpc.md') ?? '';
    assert.match(trpc, /^## memberships\.checkMany$/m);
    assert.match(trpc, /^\| `pairs` \| list \(1 to 1,000\) of \{ `user`: string \(1 to 64 characters\); /m);
    const grpc = pages.get('docs/reference/grpc.md') ?? '';
    assert.match(
      grpc,
      /^### RoleService\.ListUserRoles\n\n\[ListUserRolesRequest\]\(#listuserrolesrequest\) → /m,
    );
    assert.match(grpc, /^\| <a id="reason-last_holder"><\/a>`LAST_HOLDER` \| FAILED_PRECONDITION \| /m);
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
