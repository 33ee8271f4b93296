import { ResourceAction } from '#proto/rollcall/directory/v1/change_service.ts';
import { atOnce } from '../at-once.ts';
import { createDatabaseWork } from '../limits/database-work.ts';
import { createLimitConnection, limitEdge, limitUser } from '../limits/limit-connection.ts';
import type { Scale } from '../scale.ts';
import type { Limit, Scenario } from '../scenario.ts';
import { expectSame } from '../scim-connection.ts';
import { createGroup, createUsers, userResource } from '../scim-resources.ts';
import { nth } from './turns.ts';

const groupsAtOnce = 8;
const documentsPerTransaction = 100;

const unitsOf = ({ load: { users, groups, memberships } }: Scale) => users + groups + memberships;

/** The members of each group: as many in each, other ones in each. */
function membersOf(users: readonly string[], { load }: Scale): readonly (readonly string[])[] {
  const size = load.memberships / load.groups;
  return Array.from({ length: load.groups }, (_, group) =>
    Array.from({ length: size }, (_, index) => nth(users, group * 7 + index)),
  );
}

/** The same documents, and the change records beside them, in transactions of 100 by the driver alone. */
const driverLimit: Limit = {
  name: 'driver',
  async prepare({ scale, rollcall: { databases } }) {
    const work = createDatabaseWork(databases);
    const { limits } = databases;

    return {
      async run() {
        const { id: connection } = await createLimitConnection(limits, {});
        const users = Array.from({ length: scale.load.users }, (_, index) =>
          limitUser(connection, index + 1, userResource(`load-${index}`)),
        );
        for (const documents of partsOf(users)) {
          const changes = documents.map(() => created('User'));
          await work.transaction(connection, changes, (session) =>
            limits.db.collection<(typeof users)[number]>('users').insertMany([...documents], { session }),
          );
        }
        const ids = users.map(({ _id }) => _id.slice(connection.length + 1));
        const groups = membersOf(ids, scale).map((members, index) => {
          const document = limitUser(connection, index + 1, { displayName: `load ${index}` });
          const id = document._id.slice(connection.length + 1);
          return { document: { ...document, unique: [`id=${id}`], lookup: [] }, id, members };
        });
        for (const part of partsOf(groups)) {
          const changes = part.map(() => created('Group'));
          await work.transaction(connection, changes, (session) =>
            limits.db.collection<(typeof users)[number]>('groups').insertMany(
              part.map(({ document }) => document),
              { session },
            ),
          );
        }
        const edges = groups.flatMap(({ id, members }) =>
          members.map((member) => limitEdge(connection, id, member)),
        );
        for (const part of partsOf(edges)) {
          const added = part.map(({ member }) => member);
          const change = {
            kind: 'membership',
            group: part[0]?.group ?? '',
            added,
            removed: [],
            version: 1,
          } as const;
          await work.transaction(connection, [change], (session) =>
            limits.memberships.insertMany([...part], { session }),
          );
        }
        return undefined;
      },
    };
  },
};

function created(resourceType: string) {
  return {
    kind: 'resource',
    resourceType,
    id: '',
    action: ResourceAction.CREATED,
    version: 1,
    attributes: [],
  } as const;
}

function partsOf<Entry>(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const count = Math.ceil(entries.length / documentsPerTransaction);
  return Array.from({ length: count }, (_, part) =>
    entries.slice(part * documentsPerTransaction, (part + 1) * documentsPerTransaction),
  );
}

/** A customer's first day: users, 32 at a time, then groups, 8 at a time, each filled in batches of 100. */
export const initialLoad: Scenario = {
  name: 'initial-load',
  about: 'users, groups and memberships of a new customer, counted together',
  inFlight: 1,
  needs: 'scim',
  repeat: 1,
  units: unitsOf,
  async prepare(bench) {
    return {
      async run(turn) {
        const { load } = bench.scale;
        const scim = await bench.connect('bench, initial load');
        const name = `load-${Date.now().toString(36)}-${turn}`;
        const users = await createUsers(scim, name, load.users);
        const ids = users.map(({ id }) => id);
        await atOnce(groupsAtOnce, membersOf(ids, bench.scale), (members, index) =>
          createGroup(scim, `${name} ${index}`, members),
        );
        const { json } = await scim.send('GET', '/Groups?count=0', [200]);
        if (scim.id !== '') expectSame('the number of groups', json.totalResults, load.groups);
        return undefined;
      },
    };
  },
  limits: [driverLimit],
  targets: [{ kind: 'limit', limit: 'driver', atLeast: 0.6 }],
};
