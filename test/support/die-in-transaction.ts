import { MongoClient } from 'mongodb';

/*
 * A process that writes a connection's head in a transaction, as a directory does last before it commits, says so, and
 * then waits to be killed. Arguments: the database's URI and the connection's id.
 */
const [uri = '', connection = ''] = process.argv.slice(2);
const client = new MongoClient(uri);
const session = client.startSession();
session.startTransaction({
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
});
const heads = client.db().collection<{ _id: string }>('heads');
const { matchedCount } = await heads.updateOne({ _id: connection }, { $inc: { position: 1 } }, { session });
console.log(`holds ${matchedCount}`);
setInterval(() => {}, 1_000);
