import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { EmbeddedDatabaseError } from '#runtime/embedded-database-error.ts';
import { openDatabase } from '#runtime/embedded-mongodb.ts';
import { createLogger } from '#runtime/logger.ts';
import { awaitEarlierServer } from '#runtime/mongodb-pid-file.ts';
import { installSecantusDb, secantusDbVersion, wheelFor } from '#runtime/secantusdb-install.ts';
import { sharedDatabase, testInstallDir, uniqueDatabaseName } from '../support/database.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const root = mkdtempSync(join(tmpdir(), 'rollcall-embedded-'));
after(() => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
let folders = 0;
const newFolder = () => join(root, `data-${++folders}`);
const open = (dataDir: string) => openDatabase({ dataDir, installDir: testInstallDir, logger });

/** Another process that opens the folder's database; its first line of output, parsed. */
async function openInProcess(
  dataDir: string,
  options: { path?: string; installDir?: string } = {},
): Promise<{ child: ChildProcess; answer: { uri?: string; name?: string; message?: string } }> {
  const script = join(import.meta.dirname, '..', 'support', 'own-database.ts');
  const env = { ...process.env, PATH: options.path ?? process.env.PATH };
  const child = spawn(process.execPath, [script, dataDir, options.installDir ?? testInstallDir], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, answer: JSON.parse(line) };
}

const serverPid = (dataDir: string) =>
  Number(readFileSync(join(dataDir, 'mongodb.pid'), 'utf8').split(' ')[0]);

/** Rejects when the process is still there after 20 s; an ended one that nobody has waited for counts as gone. */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    try {
      process.kill(pid, 0);
      if (process.platform === 'linux' && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '') return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`process ${pid} still runs`);
}

/** A folder with programs of these names, each a shell script. */
function programs(scripts: Record<string, string>): string {
  const folder = newFolder();
  mkdirSync(folder);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

test('a given URI is used as it is', async () => {
  const dataDir = newFolder();
  await using database = await openDatabase({ uri: 'mongodb://db.example.com/', dataDir, logger });
  assert.equal(database.uri, 'mongodb://db.example.com/');
  assert.equal(database.engine, 'external');
});

test('installers at the same time end up with one whole installation', async () => {
  const installDir = newFolder();
  const lines: string[] = [];
  const [first, second] = await Promise.all([
    installSecantusDb(installDir, (line) => lines.push(line)),
    installSecantusDb(installDir),
  ]);
  assert.equal(first, second);
  assert.deepEqual(readdirSync(installDir), [`secantusdb-${secantusDbVersion}`]);
  assert.match(lines.join('\n'), /Installing the embedded database once .*\nInstalled in/);
  lines.length = 0;
  await installSecantusDb(installDir, (line) => lines.push(line));
  assert.deepEqual(lines, [], 'an installation is used again');
});

test('what an interrupted installation left is removed and does not count', async () => {
  const installDir = newFolder();
  // A process id beyond every system's maximum belongs to nobody.
  mkdirSync(join(installDir, `secantusdb-${secantusDbVersion}.partial-99999999-abc`), { recursive: true });
  await installSecantusDb(installDir);
  assert.deepEqual(readdirSync(installDir), [`secantusdb-${secantusDbVersion}`]);
});

test('transactions work and data survives a restart', async () => {
  const dataDir = newFolder();
  for (const run of [1, 2]) {
    await using database = await open(dataDir);
    assert.equal(database.engine, 'secantusdb');
    await using client = new MongoClient(database.uri);
    const items = client.db('app').collection<{ _id: number }>('items');
    await client.withSession(async (session) => {
      session.startTransaction({
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', j: true },
      });
      await items.insertOne({ _id: run }, { session });
      await session.commitTransaction();
      session.startTransaction();
      await items.insertOne({ _id: -run }, { session });
      await session.abortTransaction();
    });
    assert.deepEqual(await items.find().toArray(), [{ _id: 1 }, { _id: 2 }].slice(0, run));
  }
  assert.throws(() => serverPid(dataDir), /ENOENT/, 'a clean stop leaves no pid file');
});

test('the server ends when its parent is killed, and the next start finds what was acknowledged', async () => {
  const dataDir = newFolder();
  const { child, answer } = await openInProcess(dataDir);
  const client = new MongoClient(answer.uri ?? '');
  await client.db('app').collection<{ _id: string }>('items').insertOne({ _id: 'kept' });
  await client.close();
  const pid = serverPid(dataDir);
  child.kill('SIGKILL');
  // Before another start could end it.
  await gone(pid);

  await using database = await open(dataDir);
  await using again = new MongoClient(database.uri);
  assert.equal(await again.db('app').collection('items').countDocuments(), 1);
});

test('a server that does not end after its parent was killed is killed before the next one starts', async () => {
  const dataDir = newFolder();
  const { child } = await openInProcess(dataDir);
  const pid = serverPid(dataDir);
  // A stopped process takes no SIGTERM.
  process.kill(pid, 'SIGSTOP');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await awaitEarlierServer(dataDir, 0);
  await gone(pid);
  await using database = await open(dataDir);
  assert.equal(database.engine, 'secantusdb');
});

test('a data folder in use is refused, by the same process and by another', async () => {
  const dataDir = newFolder();
  await using database = await open(dataDir);
  assert.ok(database.uri);
  const inUse = {
    name: 'EmbeddedDatabaseError',
    message: /in use by process \d+: stop that one, or set ROLLCALL_DATA_DIR/,
  };
  await assert.rejects(open(dataDir), inUse);
  const { answer } = await openInProcess(dataDir);
  assert.match(answer.message ?? '', inUse.message);
  // Without the pid file the lock of the store itself decides.
  rmSync(join(dataDir, 'mongodb.pid'));
  await assert.rejects(open(dataDir), { message: /in use by another process: stop that one/ });
});

test('the folder of another engine or version is refused', async () => {
  const dataDir = newFolder();
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'engine'), '{"engine":"mongod","version":"8.0.4","port":27117}\n');
  await assert.rejects(open(dataDir), {
    message: /belongs to mongod and secantusdb cannot read it: set ROLLCALL_DATA_DIR/,
  });
  writeFileSync(join(dataDir, 'engine'), '{"engine":"secantusdb","version":"0.1"}\n');
  await assert.rejects(open(dataDir), { message: /was made by SecantusDB 0\.1 and this is/ });
  writeFileSync(join(dataDir, 'engine'), 'half');
  await assert.rejects(open(dataDir), { message: /belongs to an unknown engine/ });
});

test('the engine file names engine and version', async () => {
  const dataDir = newFolder();
  await (await open(dataDir))[Symbol.asyncDispose]();
  const noted: unknown = JSON.parse(readFileSync(join(dataDir, 'engine'), 'utf8'));
  assert.deepEqual(noted, { engine: 'secantusdb', version: secantusDbVersion });
});

test('without Python, pip and mongod the error says what to install or set', async () => {
  const { answer } = await openInProcess(newFolder(), { path: '/nonexistent', installDir: newFolder() });
  assert.equal(answer.name, 'EmbeddedDatabaseError');
  assert.match(answer.message ?? '', /Install Python 3 with pip .*or MongoDB, or set ROLLCALL_MONGODB_URI/);
});

test('when pip fails the error ends with what it said, and nothing is left', async () => {
  const pip =
    'case "$*" in *--version) echo "pip 24 from here (python 3.12)";; *) echo "no route to index" >&2; exit 1;; esac';
  const installDir = newFolder();
  const { answer } = await openInProcess(newFolder(), { path: programs({ python3: pip }), installDir });
  assert.match(
    answer.message ?? '',
    /^pip could not install .*or set ROLLCALL_MONGODB_URI[\s\S]*no route to index$/,
  );
  assert.deepEqual(readdirSync(installDir), []);
});

test('a mongod on the PATH comes first; when it ends at start the error shows its log', async () => {
  const mongod =
    'case "$*" in --version) echo "db version v8.0.4";; *) echo "cannot run with $*"; exit 3;; esac';
  const { answer } = await openInProcess(newFolder(), { path: programs({ mongod }) });
  assert.match(
    answer.message ?? '',
    /ended while starting.*\n {2}cannot run with --bind_ip 127\.0\.0\.1 --port \d+ .*--replSet rollcall/,
  );
});

test('a platform without a build is refused', () => {
  assert.equal(wheelFor('linux', 'arm64', '2.28').platform, 'manylinux_2_28_aarch64');
  assert.equal(wheelFor('darwin', 'arm64', undefined).platform, 'macosx_11_0_arm64');
  const refused = (platform: string, arch: string, glibc: string | undefined, message: RegExp) =>
    assert.throws(
      () => wheelFor(platform, arch, glibc),
      (error) => error instanceof EmbeddedDatabaseError && message.test(error.message),
    );
  refused('win32', 'x64', undefined, /no embedded database for win32 on x64: install MongoDB/);
  refused('darwin', 'x64', undefined, /no embedded database for darwin on x64/);
  refused('linux', 'x64', undefined, /another C library/);
  refused('linux', 'x64', '2.27', /needs glibc 2\.28 or later and this system has 2\.27/);
});

test('tests share one server and keep apart by database name', async () => {
  const uri = await sharedDatabase();
  assert.equal(await sharedDatabase(), uri);
  assert.notEqual(uniqueDatabaseName(), uniqueDatabaseName());
  await using client = new MongoClient(uri);
  assert.equal((await client.db(uniqueDatabaseName()).command({ ping: 1 })).ok, 1);
});
