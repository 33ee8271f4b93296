import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';
import { bulk, pathOf } from './bulk-fixture.ts';
import { enterpriseUrn, groupUrn, patchBody, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

type Endpoint = 'Users' | 'Groups';

/** An operation. Resources are known by the number of the creation that makes them, which is its bulkId too. */
interface Operation {
  readonly method: string;
  readonly type: Endpoint;
  /** The number of a creation. */
  readonly creates?: number;
  /** The resource that anything else is about. */
  readonly target?: number;
  /** The resources that the body refers to. */
  readonly others: readonly number[];
  /** The body, given the ids of the others. */
  readonly body?: (ids: readonly string[]) => object;
}

/** An operation whose numbers are not yet brought down to those of the resources there are. */
type Draft = Pick<Operation, 'method' | 'type' | 'others' | 'body'>;
type Content = Omit<Draft, 'method'>;

// Few names, so that some are taken.
const name = fc.constantFrom(...'aBbcdefghijklmno');
const number = fc.nat(99);
const numbers = fc.array(number, { maxLength: 2 });
const valuesOf = (ids: readonly string[]) => ids.map((value) => ({ value }));

const user = fc.tuple(name, fc.array(number, { maxLength: 1 })).map(([userName, others]) => ({
  type: 'Users' as const,
  others,
  body: ([manager]: readonly string[]) => ({
    schemas: [userUrn],
    userName,
    ...(manager !== undefined && { [enterpriseUrn]: { manager: { value: manager } } }),
  }),
}));
const group = fc.tuple(name, numbers).map(([displayName, others]) => ({
  type: 'Groups' as const,
  others,
  body: (ids: readonly string[]) => ({ schemas: [groupUrn], displayName, members: valuesOf(ids) }),
}));
const title = name.map((value) => ({
  type: 'Users' as const,
  others: [],
  body: () => patchBody({ op: 'add', path: 'title', value }),
}));
const members = fc.tuple(fc.constantFrom('add', 'replace'), numbers).map(([op, others]) => ({
  type: 'Groups' as const,
  others,
  body: (ids: readonly string[]) => patchBody({ op, path: 'members', value: valuesOf(ids) }),
}));
const departure = number.map((other) => ({
  type: 'Groups' as const,
  others: [other],
  body: ([id]: readonly string[]) => patchBody({ op: 'remove', path: `members[value eq "${id}"]` }),
}));
const nothing = fc.constantFrom<Endpoint>('Users', 'Groups').map((type) => ({ type, others: [] }));

const by = (method: string, content: fc.Arbitrary<Content>): fc.Arbitrary<Draft> =>
  content.map((rest) => ({ method, ...rest }));
const creation = fc.oneof(by('POST', user), by('POST', group));
const change = fc.oneof(
  by('PUT', user),
  by('PUT', group),
  by('PATCH', title),
  by('PATCH', members),
  by('PATCH', departure),
  by('DELETE', nothing),
);

/** Operations in any order. A creation refers only to those of lower numbers, so that there is no circle. */
const operations = fc
  .tuple(
    fc.array(creation, { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(change, number), { maxLength: 6 }),
    fc.infiniteStream(fc.nat()),
  )
  .map(([creations, changes, order]) => {
    const total = creations.length;
    // A few name what nothing creates.
    const among = (all: readonly number[], pick: number) =>
      pick < 95 ? (all[pick % all.length] ?? total) : total;
    const numbered = [...creations.keys()];
    const list: Operation[] = [
      ...creations.map((draft, creates) => ({
        ...draft,
        creates,
        others: creates === 0 ? [] : draft.others.map((pick) => among(numbered.slice(0, creates), pick)),
      })),
      ...changes.map(([draft, pick]) => ({
        ...draft,
        target: among(
          numbered.filter((index) => creations[index]?.type === draft.type),
          pick,
        ),
        others: draft.others.map((other) => among(numbered, other)),
      })),
    ];
    const keyed = list.map((operation) => ({ operation, key: order.next().value }));
    return keyed.toSorted((a, b) => a.key - b.key).map(({ operation }) => operation);
  });

interface Outcome {
  readonly statuses: readonly string[];
  /** The ids of new resources, by the numbers of their creations. */
  readonly ids: ReadonlyMap<number, string>;
}

async function sendTogether(scim: ScimClient, list: readonly Operation[]): Promise<Outcome> {
  const results = await bulk(
    scim,
    list.map(({ method, type, creates, target, others, body }) => ({
      method,
      ...(creates !== undefined && { bulkId: `${creates}` }),
      path: target === undefined ? `/${type}` : `/${type}/bulkId:${target}`,
      ...(body && { data: body(others.map((other) => `bulkId:${other}`)) }),
    })),
  );
  const created = results.filter(({ status }) => status === '201');
  return {
    statuses: results.map(({ status }) => status),
    ids: new Map(created.map((result) => [Number(result.bulkId), pathOf(result).split('/').at(-1) ?? ''])),
  };
}

/** The same by requests of their own, each of which waits for those that it refers to. */
async function sendSingly(scim: ScimClient, list: readonly Operation[]): Promise<Outcome> {
  const ids = new Map<number, string>();
  const statuses = new Map<Operation, string>();
  async function send(operation: Operation): Promise<void> {
    if (statuses.has(operation)) return;
    const { method, type, creates, target, others, body } = operation;
    const references = target === undefined ? others : [target, ...others];
    for (const other of references) {
      const maker = list.find((candidate) => candidate.creates === other);
      if (maker) await send(maker);
    }
    if (references.some((other) => !ids.has(other))) {
      statuses.set(operation, '409');
      return;
    }
    const idOf = (other: number) => ids.get(other) ?? '';
    const path = target === undefined ? `/${type}` : `/${type}/${idOf(target)}`;
    const answer = await scim(method, path, body?.(others.map(idOf)));
    // A PATCH of a group may be answered with or without the group.
    const isQuiet = method === 'PATCH' && answer.status === 204;
    statuses.set(operation, isQuiet ? '200' : `${answer.status}`);
    if (creates !== undefined && answer.status === 201) ids.set(creates, answer.body.id);
  }
  for (const operation of list) await send(operation);
  return { statuses: list.map((operation) => statuses.get(operation) ?? ''), ids };
}

/** Everything in a connection, with the numbers of resources in place of ids. */
async function stateOf(scim: ScimClient, { ids }: Outcome): Promise<unknown> {
  const lists = await Promise.all(['Users', 'Groups'].map((type) => scim('GET', `/${type}`)));
  const resources = lists.flatMap(({ body }: ScimAnswer) => body.Resources);
  let text = JSON.stringify(
    resources.map(({ meta: { version }, ...resource }) => ({ ...resource, version })),
    (key, value) => (key === '$ref' ? undefined : value),
  );
  for (const [index, id] of ids) text = text.replaceAll(id, `resource ${index}`);
  const named: { id: string; members?: object[]; groups?: object[] }[] = JSON.parse(text);
  const sorted = <Item>(items: readonly Item[]) =>
    items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return sorted(
    named.map(({ members = [], groups = [], ...rest }) => ({
      ...rest,
      members: sorted(members),
      groups: sorted(groups),
    })),
  );
}

for (const strict of [false, true]) {
  const on = strict ? 'strict' : 'default';
  test(`a bulk request ends as the same operations sent singly, ${on} (BLK-13, BLK-23, BLK-25)`, async () => {
    await fc.assert(
      fc.asyncProperty(operations, async (list) => {
        const together = scimOf(await rollcall.connect({ strict }));
        const singly = scimOf(await rollcall.connect({ strict }));
        const [first, second] = await Promise.all([sendTogether(together, list), sendSingly(singly, list)]);
        assert.deepEqual(first.statuses, second.statuses);
        assert.deepEqual(await stateOf(together, first), await stateOf(singly, second));
      }),
      { numRuns: 10 },
    );
  });
}
