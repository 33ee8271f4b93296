import assert from 'node:assert/strict';
import { type Document, MongoClient } from 'mongodb';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import {
  type ChangeDocument,
  changeKey,
  type EdgeDocument,
  edgeKey,
  type HeadDocument,
  idOfKey,
  type ResourceDocument,
  resourceKey,
} from '../../services/directory/mongo/documents.ts';
import { foldResource, lookupEntries, uniqueEntries } from '../../services/directory/mongo/fold.ts';
import type { Holdings } from './change-log.ts';

/**
 * Reads a connection's documents past the directory and checks that they are what its log says (`held`): counts, versions,
 * members, what filters and unique indexes compare, and no membership that ends in nothing. What is still being cleaned up
 * behind a deleted group may stand.
 * @param uri names the database in its path, `rollcall` when it has none.
 */
export async function checkStored(uri: string, connection: string, held: Holdings): Promise<void> {
  await using client = new MongoClient(uri);
  await client.connect();
  const path = new URL(uri).pathname.slice(1);
  const db = client.db(path === '' ? 'rollcall' : path);
  const read = <Stored extends Document>(collection: string) =>
    db.collection(collection).find<Stored>({ connection }).toArray();
  const [head, ...others] = await read<HeadDocument>('heads');
  assert.ok(head && others.length === 0, 'one head');
  checkLog(head, await read('changes'));

  const registry = createSchemaRegistry();
  const versions = {
    User: held.users,
    Group: new Map([...held.groups].map(([id, { version }]) => [id, version])),
  };
  const user = typeNamed('User');
  const group = typeNamed('Group');
  checkResources(user, await read('users'), versions.User, { count: head.users, next: head.nextUser });
  checkResources(group, await read('groups'), versions.Group, { count: head.groups, next: head.nextGroup });
  checkEdges(head, await read('memberships'));

  function typeNamed(name: string): ResourceType {
    const type = registry.resourceType(name);
    assert.ok(type);
    return type;
  }

  function checkResources(
    type: ResourceType,
    documents: readonly ResourceDocument[],
    logged: ReadonlyMap<string, string>,
    { count, next }: { readonly count: number; readonly next: number },
  ) {
    assert.equal(documents.length, count, `${type.name}: the head's count`);
    const found = documents.map(({ _id, version }) => [idOfKey(_id), String(version)]);
    assert.deepEqual(found.sort(), [...logged].sort(), `${type.name}: ids and versions`);
    const ordinals = documents.map(({ ordinal }) => ordinal);
    assert.equal(new Set(ordinals).size, documents.length, `${type.name}: ordinals`);
    assert.ok(ordinals.every((ordinal) => ordinal < next));
    const taken = documents.flatMap(({ unique }) => unique);
    assert.equal(new Set(taken).size, taken.length, `${type.name}: unique values`);
    for (const { _id, resource, fold, unique, lookup } of documents) {
      const id = idOfKey(_id);
      assert.equal(_id, resourceKey(connection, id));
      assert.deepEqual(fold, foldResource(type, resource), _id);
      assert.deepEqual(unique, uniqueEntries(type, id, resource), _id);
      assert.deepEqual(lookup, lookupEntries(type, resource), _id);
    }
  }

  function checkEdges({ draining }: HeadDocument, edges: readonly EdgeDocument[]) {
    const standing = edges.filter(({ group }) => !draining.includes(group));
    assert.deepEqual(
      standing.map(({ group, member }) => `${group}/${member}`).sort(),
      [...held.groups].flatMap(([id, { members }]) => [...members].map((member) => `${id}/${member}`)).sort(),
      'memberships',
    );
    for (const { _id, group, member, kind } of edges) {
      assert.equal(_id, edgeKey(connection, group, member));
      assert.ok((kind === 'User' ? versions.User : versions.Group).has(member), `${_id} ends in nothing`);
    }
  }
}

/** Positions from 1 to the head's without a gap, and every transaction's records side by side. */
function checkLog({ connection, position, floor }: HeadDocument, changes: readonly ChangeDocument[]) {
  const log = changes.toSorted((a, b) => a.position - b.position);
  assert.deepEqual(
    log.map(({ _id }) => _id),
    Array.from({ length: position - floor + 1 }, (_, index) => changeKey(connection, floor + index)),
    'positions are dense up to the head',
  );
  const runs = log.filter(({ batch }, index) => batch !== log[index - 1]?.batch).map(({ batch }) => batch);
  assert.equal(new Set(runs).size, runs.length, 'a transaction has written its records together');
}
