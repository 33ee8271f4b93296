import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { assertError, createGroup, createUser, filtered, ids } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

for (const [kind, client] of Object.entries({ default: scim, strict })) {
  const list = async (query: string, type = 'Users') => {
    const { status, body } = await client('GET', `/${type}?${query}`);
    assert.equal(status, 200, `${query}: ${JSON.stringify(body)}`);
    return ids(body.Resources);
  };

  suite(`filters, ${kind} connection`, () => {
    // Servers dropped what they did not know of a filter and answered with all users, of whom the client took the first for
    // its own; others answered with none, and it made a second user.
    test('unknown-filter-finds-everybody: it is 400 invalidFilter, also in a half of a compound', async () => {
      const { userName } = await createUser(client);
      await createGroup(client);
      for (const unknown of [
        'hairColor eq "x"',
        'userName like "x"',
        'userName === "x"',
        'userName = "x"',
        'userName eq',
        'userName eq x',
        "userName eq 'x'",
        'emails[kind eq "work"].value eq "x"',
        'emails[type eq "work"',
        'urn:example:2.0:User:y eq "x"',
        'active eq "maybe"',
      ]) {
        for (const filter of [
          unknown,
          `userName eq "${userName}" and ${unknown}`,
          `${unknown} or userName eq "${userName}"`,
          `not (${unknown})`,
        ]) {
          const answer = await client('GET', `/Users?${filtered(filter)}`);
          assertError(answer, 400, 'invalidFilter');
          assert.equal(answer.body.Resources, undefined);
        }
      }
      assertError(await client('GET', `/Groups?${filtered('userName eq "x"')}`), 400, 'invalidFilter');
      assertError(await client('GET', '/Users?filter='), 400, 'invalidFilter');
    });

    test('unknown-filter-finds-everybody: each half of a compound counts', async () => {
      const title = randomUUID();
      const [a, b] = [
        await createUser(client, { title }),
        await createUser(client, { title, active: false }),
      ];
      assert.deepEqual(await list(filtered(`title eq "${title}"`)), ids([a, b]));
      for (const filter of [
        `title eq "${title}" and active eq false`,
        `active eq false and title eq "${title}"`,
        `title eq "${title}" and not (active eq true)`,
        `(title eq "${title}" and active eq false) or (title eq "${title}" and id eq "${b.id}")`,
      ]) {
        assert.deepEqual(await list(filtered(filter)), [b.id], filter);
      }
      assert.deepEqual(await list(filtered(`title eq "${title}" and userName eq "nobody"`)), []);
    });

    // Quotes were cut off or doubled, and backslashes lost.
    test('quotes-in-filter: a value is found whatever is in it', async () => {
      for (const text of [
        "O'Brien",
        'a"b',
        'a\\b',
        '\\',
        '"',
        ' a  b ',
        'a\tb',
        'Zoë 李 🙂',
        '%',
        '$',
        'a) or (b',
        '*',
      ]) {
        const title = `${text}${randomUUID()}`;
        const [user] = [
          await createUser(client, { title }),
          await createUser(client, { title: `x${title}` }),
        ];
        const literal = JSON.stringify(title);
        assert.deepEqual(await list(filtered(`title eq ${literal}`)), [user.id], literal);
        assert.deepEqual(await list(filtered(`title eq ${literal} and active eq true`)), [user.id], literal);
        assert.deepEqual(await list(filtered(`title sw ${literal}`)), [user.id], literal);
      }
    });

    // `a+b@example.com` was looked for as `a b@example.com`, and `100%` was decoded twice.
    test('plus-and-percent-in-filter: the URL is decoded once, a blank is + or %20', async () => {
      for (const text of ['a+b', 'a b', '100%', '%41', '%2B', 'ü', 'a&b', 'a=b', 'a#b', 'a;b', 'a%20b']) {
        const userName = `${text}${randomUUID()}`;
        const { id } = await createUser(client, { userName });
        const value = encodeURIComponent(userName);
        const blanksAsPlus = value.replaceAll('%20', '+');
        assert.deepEqual(await list(`filter=userName%20eq%20%22${value}%22`), [id], userName);
        assert.deepEqual(await list(`filter=userName+eq+%22${blanksAsPlus}%22`), [id], userName);
        assert.deepEqual(await list(`filter=userName+eq+%22${value}%22&`), [id], userName);
        assert.deepEqual(await list(`filter=userName eq "${value}"`), [id], userName);
      }
    });

    // Outside the grammar of the RFC, and how Entra ID matches by e-mail address.
    test('email-filter-by-type: emails[type eq "work"].value eq "…" finds who has it there', async () => {
      const value = `${randomUUID()}@example.com`;
      const work = await createUser(client, { emails: [{ value, type: 'work' }] });
      const home = await createUser(client, {
        emails: [
          { value, type: 'home' },
          { value: 'other@example.com', type: 'work' },
        ],
      });
      const both = ids([work, home]);
      assert.deepEqual(await list(filtered(`emails[type eq "work"].value eq "${value}"`)), [work.id]);
      assert.deepEqual(await list(filtered(`emails[type eq "work"].value eq "${value.toUpperCase()}"`)), [
        work.id,
      ]);
      assert.deepEqual(await list(filtered(`emails[type eq "work" and value eq "${value}"]`)), [work.id]);
      assert.deepEqual(
        await list(filtered(`active eq true and emails[type eq "home"].value eq "${value}"`)),
        [home.id],
      );
      assert.deepEqual(await list(filtered(`emails[type eq "other"].value eq "${value}"`)), []);
      // PingOne matches without a part.
      assert.deepEqual(await list(filtered(`emails eq "${value}"`)), both);
      assert.deepEqual(await list(filtered(`emails.value eq "${value}"`)), both);
    });
  });
}
