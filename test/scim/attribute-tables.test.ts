import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

/**
 * The attributes of RFC 7643 (sections 4 to 8, with the errata) and RFC 9865 (section 4), one a line: name, type, `[]` for
 * more than one value, what differs from the defaults of RFC 7643, section 2.2, and after a colon the canonical values.
 */
const tables: Readonly<Record<string, string>> = {
  'urn:ietf:params:scim:schemas:core:2.0:User': `
    userName string required server
    name complex
    name.formatted string
    name.familyName string
    name.givenName string
    name.middleName string
    name.honorificPrefix string
    name.honorificSuffix string
    displayName string
    nickName string
    profileUrl reference caseExact to external
    title string
    userType string
    preferredLanguage string
    locale string
    timezone string
    active boolean
    password string writeOnly never
    emails complex[]
    emails.value string
    emails.display string
    emails.type string: work, home, other
    emails.primary boolean
    phoneNumbers complex[]
    phoneNumbers.value string
    phoneNumbers.display string
    phoneNumbers.type string: work, home, mobile, fax, pager, other
    phoneNumbers.primary boolean
    ims complex[]
    ims.value string
    ims.display string
    ims.type string: aim, gtalk, icq, xmpp, msn, skype, qq, yahoo
    ims.primary boolean
    photos complex[]
    photos.value reference caseExact to external
    photos.display string
    photos.type string: photo, thumbnail
    photos.primary boolean
    addresses complex[]
    addresses.formatted string
    addresses.streetAddress string
    addresses.locality string
    addresses.region string
    addresses.postalCode string
    addresses.country string
    addresses.type string: work, home, other
    addresses.primary boolean
    groups complex[] readOnly
    groups.value string readOnly
    groups.$ref reference caseExact readOnly to Group
    groups.display string readOnly
    groups.type string readOnly: direct, indirect
    entitlements complex[]
    entitlements.value string
    entitlements.display string
    entitlements.type string
    entitlements.primary boolean
    roles complex[]
    roles.value string
    roles.display string
    roles.type string
    roles.primary boolean
    x509Certificates complex[]
    x509Certificates.value binary caseExact
    x509Certificates.display string
    x509Certificates.type string
    x509Certificates.primary boolean
  `,
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': `
    employeeNumber string
    costCenter string
    organization string
    division string
    department string
    manager complex
    manager.value string required caseExact
    manager.$ref reference required caseExact to User
    manager.displayName string readOnly
  `,
  'urn:ietf:params:scim:schemas:core:2.0:Group': `
    displayName string required
    members complex[]
    members.value string immutable
    members.$ref reference caseExact immutable to User/Group
    members.type string immutable: User, Group
    members.display string immutable
  `,
  'urn:ietf:params:scim:schemas:core:2.0:ResourceType': `
    id string readOnly
    name string required readOnly
    description string readOnly
    endpoint reference required caseExact readOnly to uri
    schema reference required caseExact readOnly to uri
    schemaExtensions complex[] readOnly
    schemaExtensions.schema reference required caseExact readOnly to uri
    schemaExtensions.required boolean required readOnly
  `,
  'urn:ietf:params:scim:schemas:core:2.0:Schema': `
    id string required readOnly
    name string required readOnly
    description string readOnly
    attributes complex[] required readOnly
    attributes.name string required caseExact readOnly
    attributes.type string required readOnly: string, complex, boolean, decimal, integer, dateTime, reference, binary
    attributes.multiValued boolean required readOnly
    attributes.description string caseExact readOnly
    attributes.required boolean readOnly
    attributes.canonicalValues string[] caseExact readOnly
    attributes.caseExact boolean readOnly
    attributes.mutability string caseExact readOnly: readOnly, readWrite, immutable, writeOnly
    attributes.returned string caseExact readOnly: always, never, default, request
    attributes.uniqueness string caseExact readOnly: none, server, global
    attributes.referenceTypes string[] caseExact readOnly
    attributes.subAttributes complex[] readOnly
    attributes.subAttributes.name string required caseExact readOnly
    attributes.subAttributes.type string required readOnly: string, boolean, decimal, integer, dateTime, reference, binary
    attributes.subAttributes.multiValued boolean required readOnly
    attributes.subAttributes.description string caseExact readOnly
    attributes.subAttributes.required boolean readOnly
    attributes.subAttributes.canonicalValues string[] caseExact readOnly
    attributes.subAttributes.caseExact boolean readOnly
    attributes.subAttributes.mutability string caseExact readOnly: readOnly, readWrite, immutable, writeOnly
    attributes.subAttributes.returned string caseExact readOnly: always, never, default, request
    attributes.subAttributes.uniqueness string caseExact readOnly: none, server, global
    attributes.subAttributes.referenceTypes string[] caseExact readOnly
  `,
  'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig': `
    documentationUri reference caseExact readOnly to external
    patch complex required readOnly
    patch.supported boolean required readOnly
    bulk complex required readOnly
    bulk.supported boolean required readOnly
    bulk.maxOperations integer required readOnly
    bulk.maxPayloadSize integer required readOnly
    filter complex required readOnly
    filter.supported boolean required readOnly
    filter.maxResults integer required readOnly
    changePassword complex required readOnly
    changePassword.supported boolean required readOnly
    sort complex required readOnly
    sort.supported boolean required readOnly
    etag complex required readOnly
    etag.supported boolean required readOnly
    authenticationSchemes complex[] required readOnly
    authenticationSchemes.type string required readOnly: oauth, oauth2, oauthbearertoken, httpbasic, httpdigest
    authenticationSchemes.name string required readOnly
    authenticationSchemes.description string required readOnly
    authenticationSchemes.specUri reference caseExact readOnly to external
    authenticationSchemes.documentationUri reference caseExact readOnly to external
    authenticationSchemes.primary boolean readOnly
    pagination complex readOnly
    pagination.cursor boolean required readOnly
    pagination.index boolean required readOnly
    pagination.defaultPaginationMethod string readOnly: cursor, index
    pagination.defaultPageSize integer readOnly
    pagination.maxPageSize integer readOnly
    pagination.cursorTimeout integer readOnly
  `,
};

interface Difference {
  /** The line as it is published; absent when it is not. */
  readonly published?: string;
  readonly why: string;
}

/** What is published otherwise, or not at all, and why. */
const differences: Readonly<Record<string, Difference>> = {
  'members.display string immutable': { why: 'the names of 200,000 members are not read to show a group' },
  'manager.value string required caseExact': {
    published: 'manager.value string caseExact',
    why: 'section 4.3 recommends it only, and a manager may be named by the URI',
  },
  'manager.$ref reference required caseExact to User': {
    published: 'manager.$ref reference caseExact to User',
    why: 'section 4.3 recommends it only, and clients send the id alone',
  },
};

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect({ strict: true }));

type Attribute = ScimAnswer['body'];

/** An attribute and its parts, as the tables write them. */
function linesOf(attribute: Attribute, prefix = ''): string[] {
  const { type, multiValued, required, caseExact, mutability, returned, uniqueness } = attribute;
  const name = `${prefix}${attribute.name}`;
  const words = [
    name,
    `${type}${multiValued ? '[]' : ''}`,
    required && 'required',
    caseExact && 'caseExact',
    mutability !== 'readWrite' && mutability,
    returned !== 'default' && returned,
    uniqueness !== 'none' && uniqueness,
    attribute.referenceTypes && `to ${attribute.referenceTypes.join('/')}`,
  ].filter(Boolean);
  const canonical = attribute.canonicalValues ? `: ${attribute.canonicalValues.join(', ')}` : '';
  const parts = (attribute.subAttributes ?? []).flatMap((sub: Attribute) => linesOf(sub, `${name}.`));
  return [words.join(' ') + canonical, ...parts];
}

suite('the attribute tables of the RFCs', () => {
  test('are published, each attribute with its characteristics (DISC-18, DISC-24, USR-01, USR-08, GRP-04, ENT-01, ENT-05, CUR-32)', async () => {
    const { body } = await scim('GET', '/Schemas');
    const published = body.Resources.map(({ id, attributes }: { id: string; attributes: Attribute[] }) => [
      id,
      attributes.flatMap((attribute) => linesOf(attribute)).sort(),
    ]);
    const expected = Object.entries(tables).map(([id, table]) => [
      id,
      table
        .trim()
        .split(/\n\s*/)
        .flatMap((line) => (line in differences ? (differences[line]?.published ?? []) : line))
        .sort(),
    ]);
    assert.deepEqual(Object.fromEntries(published), Object.fromEntries(expected));
  });
});
