import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CommitBatch, createCommitQueues } from '../../services/directory/mongo/commit-queues.ts';
import { testLogger } from '../support/directory.ts';

/** Queues whose transactions last until they are ended by hand. */
function setUp() {
  const running: { readonly connection: string; readonly commands: number; readonly end: () => void }[] = [];
  const commit: CommitBatch = async ({ connection }, batch) => {
    await new Promise<void>((end) => running.push({ connection, commands: batch.length, end }));
    for (const { resolve } of batch) resolve(undefined);
    return [];
  };
  const queues = createCommitQueues(commit, testLogger('directory'));
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  };
  return {
    running,
    settle,
    /** Submits commands, and says of how many the outcome is known. */
    submit(connection: string, count = 1): () => number {
      let done = 0;
      const command = {
        connection,
        requestId: '',
        time: new Date(),
        deadline: Number.POSITIVE_INFINITY,
        alone: false,
        validateOnly: false,
        load: async () => undefined,
        decide: () => ({ reply: () => undefined }),
      };
      for (let sent = 0; sent < count; sent++) void queues.submit(command).then(() => done++);
      return () => done;
    },
    /** Ends the transaction that has run longest, of a connection or of any. */
    async end(connection = running[0]?.connection): Promise<void> {
      const index = running.findIndex((transaction) => transaction.connection === connection);
      running.splice(index, 1)[0]?.end();
      await settle();
    },
  };
}

suite('writes that wait', () => {
  test('wait for transactions of their own connection alone', async () => {
    const { submit, settle, end } = setUp();
    submit('busy', 1_000);
    await settle();
    const other = submit('quiet');
    await settle();
    await end('quiet');
    assert.equal(other(), 1);
  });

  test('wait for those of their connection that were there before, not for later ones', async () => {
    const { submit, settle, end } = setUp();
    submit('busy', 1);
    await settle();
    submit('busy', 130);
    const revocation = submit('busy');
    const later = submit('busy', 1_000);
    await end();
    // Of the 130 two batches of 64 go before, and the revocation with the rest.
    await end();
    await end();
    assert.equal(revocation(), 0);
    await end();
    assert.equal(revocation(), 1);
    assert.ok(later() < 64);
  });

  test('of more connections than have transactions at once go round', async () => {
    const { submit, settle, end, running } = setUp();
    for (let number = 0; number < 16; number++) submit(`busy${number}`, 1_000);
    await settle();
    assert.equal(running.length, 16);
    const other = submit('quiet');
    await settle();
    assert.equal(running.length, 16);
    await end('busy3');
    assert.deepEqual(
      running.filter(({ connection }) => !connection.startsWith('busy')).map(({ commands }) => commands),
      [1],
    );
    await end('quiet');
    assert.equal(other(), 1);
    assert.ok(running.some(({ connection }) => connection === 'busy3'));
  });
});
