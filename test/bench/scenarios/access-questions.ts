import { RoleMappings, SetRoleMappingsRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import type { JsonObject } from '#scim/json.ts';
import { openAccessClient, rolesIn } from '../access-client.ts';
import type { Bench } from '../bench.ts';
import { emptyTrpcLimit } from '../limits/limits.ts';
import type { Scenario } from '../scenario.ts';
import { expectSame } from '../scim-connection.ts';
import { alone, type InFlight, manyInFlight, nth } from './turns.ts';

// As many as one service asks about over and over.
const usersAsked = 50;
const role = 'editor';

/** A question about a user who is in the small group, which gives a role. */
interface Question {
  readonly procedure: string;
  input(user: string, group: string): JsonObject;
  check(data: JsonObject): void;
}

const questions: readonly Question[] = [
  {
    procedure: 'memberships.check',
    input: (user, group) => ({ user, group }),
    check: ({ member }) => expectSame('member', member, true),
  },
  { procedure: 'roles.ofUser', input: (user) => ({ user }), check: checkRoles },
  {
    procedure: 'access.snapshot',
    input: (user) => ({ user }),
    check(data) {
      checkRoles(data);
      expectSame('active', data.active, true);
    },
  },
];

function checkRoles(data: JsonObject): void {
  expectSame('the roles', rolesIn(data), role);
}

/** Gives the members of the small group a role. */
async function prepareQuestions(bench: Bench) {
  const { product } = bench.rollcall;
  const population = await bench.population(bench.scale.users);
  const { scim } = population;
  const group = await bench.group(population, bench.scale.smallGroup);
  const mappings = RoleMappings.fromPartial({
    mappings: [{ id: 'editors', subject: { $case: 'groupId', value: group.id }, roles: [role] }],
  });
  await product.directory.roles.setRoleMappings(
    SetRoleMappingsRequest.fromPartial({ connectionId: scim.id, mappings, author: 'bench' }),
  );
  return { connection: scim.id, group };
}

function questionScenario(
  question: Question,
  freshness: 'cached' | 'cold',
  { inFlight, suffix }: InFlight,
): Scenario {
  const { procedure, input, check } = question;
  return {
    name: `${procedure.replace('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}-${freshness}${suffix}`,
    about:
      freshness === 'cached'
        ? `${procedure}, ${usersAsked} users over and over`
        : `${procedure} that shows every write acknowledged before it (fresh)`,
    inFlight,
    needs: 'rollcall',
    async prepare(bench, stack) {
      const { connection, group } = await prepareQuestions(bench);
      const access = stack.use(await openAccessClient(bench, connection));
      const asked = group.members.slice(0, usersAsked);
      return {
        async run(turn) {
          const fresh = freshness === 'cold' && { fresh: true };
          check(await access.ask(procedure, { ...input(nth(asked, turn), group.id), ...fresh }));
          return undefined;
        },
      };
    },
    limits: [emptyTrpcLimit],
    targets: freshness === 'cached' ? [{ kind: 'limit', limit: 'empty tRPC', atLeast: 0.8 }] : [],
  };
}

/** What internal services ask: from the memory of the access service, and through to the directory. */
export const accessQuestions: readonly Scenario[] = questions.flatMap((question) => [
  questionScenario(question, 'cached', alone),
  questionScenario(question, 'cached', manyInFlight),
  questionScenario(question, 'cold', alone),
]);
