import DataLoader from 'dataloader';
import type { ClientSession } from 'mongodb';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { Edge, FirstEdges, MemberKind, Reader } from '../decision.ts';
import type { BatchState, StoredResource } from './batch-state.ts';
import type { Database } from './database.ts';
import {
  type EdgeDocument,
  edgeKey,
  idOfKey,
  maxQueryKeys,
  resourceKey,
  type ShownDocument,
} from './documents.ts';
import { isClaimedByLookup } from './fold.ts';

/** How many edges one reply of the database carries when a group is streamed. */
export const edgeBatchSize = 1_000;

// What a deletion removes in its own transaction; more follows in chunks.
const firstEdges = 500;

// Of resources that share a value: enough to begin to put them right.
const namedPairs = 5;

/** The state of a stored resource. */
export function storedResource(document: ShownDocument): StoredResource {
  const { _id, resource, version, created, lastModified, ordinal } = document;
  return { id: idOfKey(_id), resource, version, created, lastModified, ordinal };
}

const edgeOf = ({ group, member, kind }: EdgeDocument): Edge => ({ group, member, kind });

/**
 * Reads for the commands of one batch, inside its transaction, into its state. What is asked for in the same turn
 * travels together, so a round of reads costs one query per collection however many commands there are.
 */
export function createBatchReader(database: Database, session: ClientSession, state: BatchState): Reader {
  const { id: connection, registry } = state.settings;

  // A session runs one operation at a time.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    const turn = last.then(operation);
    last = turn.catch(() => undefined);
    return turn;
  }

  // `known` first, so that what this batch has written is not asked of the database.
  function loader<Key extends { key: string }, Value>(read: (keys: readonly Key[]) => Promise<Value[]>) {
    return new DataLoader<Key, Value, string>((keys) => inTurn(() => read(keys)), {
      cacheKeyFn: ({ key }) => key,
      maxBatchSize: maxQueryKeys,
    });
  }

  const resources = new Map(
    registry.resourceTypes.map((type) => [
      type.name,
      loader<{ key: string; id: string }, StoredResource | undefined>(async (asked) => {
        const keys = asked.map(({ key }) => key);
        const documents = await database
          .resources(type)
          .find(database.points(keys, connection), { session })
          .toArray();
        const found = new Map(documents.map((document) => [document._id, storedResource(document)]));
        return asked.map(({ key, id }) => {
          const resource = found.get(key);
          state.loadedResource(type, id, resource);
          return resource;
        });
      }),
    ]),
  );

  async function ownersBy(type: ResourceType, field: 'unique' | 'lookup', entries: readonly string[]) {
    if (entries.length === 0) return [];
    const documents = await database
      .resources(type)
      .find({ connection, [field]: { $in: entries } }, { session, projection: { [field]: 1 } })
      .toArray();
    return documents.flatMap((document) =>
      document[field].map((entry) => [entry, idOfKey(document._id)] as const),
    );
  }

  const owners = new Map(
    registry.resourceTypes.map((type) => [
      type.name,
      loader<{ key: string }, string | undefined>(async (asked) => {
        const entries = asked.map(({ key }) => key);
        const { unique = [], lookup = [] } = Object.groupBy(entries, (entry) =>
          isClaimedByLookup(type, entry) ? 'lookup' : 'unique',
        );
        const found = new Map([
          ...(await ownersBy(type, 'unique', unique)),
          ...(await ownersBy(type, 'lookup', lookup)),
        ]);
        for (const entry of entries) state.loadedOwner(type, entry, found.get(entry));
        return entries.map((entry) => found.get(entry));
      }),
    ]),
  );

  const kinds = loader<{ key: string }, MemberKind | undefined>(async (asked) => {
    const found = new Map<string, MemberKind>();
    for (const type of registry.resourceTypes) {
      const missing = asked.map(({ key }) => key).filter((id) => !found.has(id));
      if (missing.length === 0) break;
      const documents = await database
        .resources(type)
        .find(
          database.points(
            missing.map((id) => resourceKey(connection, id)),
            connection,
          ),
          { session, projection: { _id: 1 } },
        )
        .toArray();
      for (const { _id } of documents) found.set(idOfKey(_id), type.name as MemberKind);
    }
    for (const { key } of asked) state.loadedMemberKind(key, found.get(key));
    return asked.map(({ key }) => found.get(key));
  });

  const edges = loader<{ key: string; group: string; member: string }, Edge | undefined>(async (asked) => {
    const documents = await database.memberships
      .find(
        database.points(
          asked.map(({ key }) => key),
          connection,
        ),
        { session },
      )
      .toArray();
    const found = new Map(documents.map((document) => [document._id, edgeOf(document)]));
    return asked.map(({ key, group, member }) => {
      const edge = found.get(key);
      state.loadedEdge(group, member, edge);
      return edge;
    });
  });

  const memberEdges = loader<{ key: string }, readonly Edge[]>(async (asked) => {
    const members = asked.map(({ key }) => key);
    const documents = await database.memberships
      .find({ connection, member: { $in: members } }, { session })
      .toArray();
    const byMember = Map.groupBy(documents.map(edgeOf), ({ member }) => member);
    for (const member of members) state.loadedEdgesOfMember(member, byMember.get(member) ?? []);
    return members.map((member) => byMember.get(member) ?? []);
  });

  const groupEdges = loader<{ key: string }, FirstEdges>(async (asked) => {
    const answers: FirstEdges[] = [];
    for (const { key: group } of asked) {
      const documents = await database.memberships
        .find({ connection, group }, { session, limit: firstEdges + 1 })
        .toArray();
      const edges = documents.slice(0, firstEdges).map(edgeOf);
      const first = { edges, complete: documents.length <= firstEdges };
      state.loadedFirstEdgesOfGroup(group, first);
      answers.push(first);
    }
    return answers;
  });

  const forType = <Value>(map: ReadonlyMap<string, Value>, type: ResourceType): Value => {
    const value = map.get(type.name);
    if (!value) throw new TypeError(`no resource type ${type.name}`);
    return value;
  };

  return {
    settings: state.settings,
    resource: (type, id) => forType(resources, type).load({ key: resourceKey(connection, id), id }),
    memberKind: (id) => kinds.load({ key: id }),
    owner: (type, entry) => forType(owners, type).load({ key: entry }),
    edge: (group, member) => edges.load({ key: edgeKey(connection, group, member), group, member }),
    edgesOfMember: (member) => memberEdges.load({ key: member }),
    firstEdgesOfGroup: (group) => groupEdges.load({ key: group }),
    async resourcesOfOneValue(type, keys) {
      const field = ['fold', ...keys].join('.');
      const shared = database.resources(type).aggregate<{ first: string; last: string }>(
        [
          { $match: { connection } },
          { $match: { [field]: { $exists: true } } },
          {
            $group: {
              _id: `$${field}`,
              count: { $sum: 1 },
              first: { $min: '$_id' },
              last: { $max: '$_id' },
            },
          },
          { $match: { count: { $gt: 1 } } },
          { $limit: namedPairs },
        ],
        { session },
      );
      return (await shared.toArray()).map(({ first, last }) => [idOfKey(first), idOfKey(last)] as const);
    },
    async *edgesOfGroup(group) {
      const cursor = database.memberships.find({ connection, group }, { session, batchSize: edgeBatchSize });
      for await (const document of cursor) yield edgeOf(document);
    },
    query: (read) => inTurn(() => read(state.head, session)),
  };
}
