import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-proto-'));
});

after(() => rm(folder, { recursive: true }));

/** Runs buf; what it prints and its exit code. */
function buf(args: readonly string[], cwd = root): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    execFile(join(root, 'node_modules/.bin/buf'), args, { cwd }, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === 'number') resolve({ code, output: stdout + stderr });
      else reject(error);
    });
  });
}

async function succeeds(args: readonly string[], cwd = root): Promise<void> {
  const { code, output } = await buf(args, cwd);
  assert.equal(code, 0, `buf ${args.join(' ')} failed:\n${output}`);
}

/** The contents of all files in a folder, by path. */
async function readFolder(path: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    files.set(relative(path, file), await readFile(file));
  }
  return files;
}

describe('the contracts', () => {
  test('the committed code is what the .proto files make; else run `npm run proto`', async () => {
    const output = join(folder, 'output');
    await succeeds(['generate', '-o', output]);
    const generated = join(output, 'proto/gen');
    await succeeds(['build', '-o', join(generated, 'rollcall.binpb')]);
    const [fresh, committed] = await Promise.all([
      readFolder(generated),
      readFolder(join(root, 'proto/gen')),
    ]);
    assert.ok(fresh.has('schemas.ts') && fresh.has('rollcall/scim/v1/user.ts'));
    assert.deepEqual([...committed.keys()].sort(), [...fresh.keys()].sort());
    const stale = [...fresh]
      .filter(([path, content]) => !committed.get(path)?.equals(content))
      .map(([path]) => path);
    assert.deepEqual(stale, []);
  });

  test('they are well-formed and documented', () => succeeds(['lint']));

  test('they are formatted', () => succeeds(['format', '--diff', '--exit-code', 'proto']));

  test('they break nothing that was released', () =>
    succeeds(['breaking', '--against', 'proto/released.binpb']));
});

describe('a change of the contracts', () => {
  /** Checks a copy of the contracts in which one line of a file is replaced. */
  async function check(name: string, args: readonly string[], from: string, to: string) {
    const copy = join(folder, name);
    await cp(join(root, 'buf.yaml'), join(copy, 'buf.yaml'));
    await cp(join(root, 'proto'), join(copy, 'proto'), { recursive: true });
    const file = join(copy, 'proto/rollcall/scim/v1/user.proto');
    const before = await readFile(file, 'utf8');
    assert.ok(before.includes(from), `user.proto has no ${from}`);
    await writeFile(file, before.replace(from, to));
    return buf(args, copy);
  }

  const breaking = ['breaking', '--against', join(root, 'proto/released.binpb')];

  test('is refused when it removes a field', async () => {
    const { code, output } = await check('removed', breaking, 'optional string title = 9;', '');
    assert.notEqual(code, 0);
    assert.match(output, /Previously present field "9" with name "title" on message "User" was deleted/);
  });

  test('is refused when it gives a field another type', async () => {
    const { code, output } = await check(
      'retyped',
      breaking,
      'optional string title = 9;',
      'optional bool title = 9;',
    );
    assert.notEqual(code, 0);
    assert.match(output, /Field "9" with name "title" on message "User" changed type/);
  });

  test('is accepted when it adds a field', async () => {
    const added = 'optional string title = 9;\n  // Shoe size.\n  optional string shoe_size = 99;';
    assert.deepEqual(await check('added', breaking, 'optional string title = 9;', added), {
      code: 0,
      output: '',
    });
  });

  test('is refused by lint when the field has no comment', async () => {
    const added = 'optional string title = 9;\n\n  optional string shoe_size = 99;';
    const { code, output } = await check('bare', ['lint'], 'optional string title = 9;', added);
    assert.notEqual(code, 0);
    assert.match(output, /Field "shoe_size" should have a non-empty comment/);
  });
});
