/** One rule in which a connection that is not strict differs from RFC 7643 and 7644. */
export interface LeniencyRule {
  /** What the client does. */
  readonly input: string;
  /** What Rollcall does with it by default. */
  readonly lenient: string;
  /** What Rollcall does with it on a connection created with `strict`. */
  readonly strict: string;
  /** The file that makes the difference. */
  readonly where: string;
}

/** Every difference between the two, for people to read and for a test to prove. Whatever is not here is the same in both. */
export const leniencyRules: Readonly<Record<string, LeniencyRule>> = {
  missingSchemas: {
    input: '`schemas` is missing',
    lenient: 'taken from the URL and method',
    strict: '400 invalidSyntax',
    where: 'gateway/repairs/missing-schemas.ts',
  },
  unknownSchemas: {
    input: '`schemas` names a schema that is not known, beside the right one',
    lenient: 'left out',
    strict: '400 invalidSyntax',
    where: 'gateway/repairs/unknown-schemas.ts',
  },
  legacyUrns: {
    input: '`urn:scim:schemas:core:2.0` and its like',
    lenient: 'today’s URN',
    strict: '400',
    where: 'gateway/repairs/legacy-urns.ts',
  },
  unknownAttribute: {
    input: 'an attribute that the schema does not have',
    lenient: 'left out, and a PATCH that has nothing else refused; kept where the connection says so',
    strict: '400 invalidSyntax, in a path invalidPath',
    where: 'gateway/scim/resource-from-json.ts',
  },
  bareExtensionAttributes: {
    input: 'an attribute of an extension without the URN, in a body, path, filter or `attributes`',
    lenient: 'taken for the extension’s',
    strict: 'unknown',
    where: 'gateway/repairs/bare-extension-attributes.ts',
  },
  textBooleans: {
    input: '"True", "False", "true", "false" for a boolean, in values and in filters',
    lenient: 'the truth value',
    strict: '400 invalidValue, in a filter invalidFilter',
    where: 'gateway/repairs/text-booleans.ts',
  },
  emptyText: {
    input: '"" for an optional attribute',
    lenient: 'unassigned',
    strict: 'stored',
    where: 'gateway/repairs/empty-text.ts',
  },
  valueAlone: {
    input:
      'a list of one for an attribute that has one value; text for an object with a `value`: an id for `manager` or in the list of `members`',
    lenient: 'the value in the list; the object with that value',
    strict: '400 invalidValue',
    where: 'gateway/repairs/value-alone.ts',
  },
  valueInObject: {
    input: 'a list of one object with a `value`, for a value without parts',
    lenient: 'the value in it',
    strict: '400 invalidValue',
    where: 'gateway/repairs/value-in-object.ts',
  },
  oneWithoutList: {
    input: 'one object for a list of values',
    lenient: 'a list of one',
    strict: '400 invalidValue',
    where: 'gateway/repairs/one-without-list.ts',
  },
  wrappedList: {
    input: 'the value of `members` as `{"members": [...]}`',
    lenient: 'the list',
    strict: '400 invalidValue',
    where: 'gateway/repairs/wrapped-list.ts',
  },
  unfoldedKeys: {
    input:
      'paths as keys of a PATCH value without a path: `name.givenName`, `urn:…:User:department`, `emails[…].value`',
    lenient: 'an operation for each',
    strict: '400 invalidPath',
    where: 'gateway/repairs/unfolded-keys.ts',
  },
  removalByValue: {
    input: 'a remove that lists values, with an empty list too',
    lenient: 'removes these; an empty list removes nobody',
    strict: 'for members 400 invalidValue; for others the value means nothing and all are removed',
    where: 'gateway/repairs/removal-by-value.ts',
  },
  echoedReadOnly: {
    input: 'the resource’s own `id`, or `meta`, in a PATCH',
    lenient: 'left out',
    strict: '400 mutability',
    where: 'gateway/repairs/echoed-read-only.ts',
  },
  textFormat: {
    input:
      'a country that is not an ISO 3166-1 alpha-2 code, a locale that is no language tag, two certificates in one value',
    lenient: 'stored as sent',
    strict: '400 invalidValue',
    where: 'services/shared/scim/text-format.ts',
  },
  bulkSpelling: {
    input: 'a bulk operation whose method is not in capitals, or whose path has no slash in front',
    lenient: 'understood',
    strict: '400 invalidSyntax',
    where: 'gateway/scim/bulk-request.ts',
  },
  onNoTarget: {
    input: 'an add or replace whose value filter selects nothing',
    lenient: 'adds the value that the filter describes',
    strict: '400 noTarget',
    where: 'services/directory/patch/apply-patch.ts',
  },
  groupWithoutMembers: {
    input: 'a PUT of a group without `members`, or with null for them',
    lenient: 'keeps the members: a client that renames a group must not empty it',
    strict: 'removes all members (RFC 7644, section 3.5.1)',
    where: 'gateway/scim/resource-from-json.ts',
  },
  groupNames: {
    input: 'a second group of the same displayName',
    lenient: '409 uniqueness',
    strict: 'accepted: RFC 7643 does not make it unique',
    where: 'services/directory/connections.ts',
  },
};
