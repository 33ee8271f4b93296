/**
 * The rows in which a default connection differs from the RFCs on purpose, each with the names of the rules in leniency.ts
 * that say how. Both ways of each rule are proved in leniency.test.ts.
 */
export const differences: Readonly<Record<string, readonly string[]>> = {
  'CRE-15': ['missingSchemas', 'unknownSchemas', 'legacyUrns'],
  'CRE-17': ['textBooleans', 'valueAlone', 'valueInObject', 'oneWithoutList'],
  'CRE-24': ['unknownAttribute'],
  'FLT-17': ['textBooleans'],
  'FLT-36': ['bareExtensionAttributes'],
  'PAT-02': ['missingSchemas'],
  'PAT-10': ['unknownAttribute'],
  'PAT-15': ['unknownAttribute'],
  'PAT-16': ['echoedReadOnly'],
  'PAT-19': ['textBooleans', 'valueInObject', 'wrappedList'],
  'PAT-20': ['unknownAttribute', 'bareExtensionAttributes'],
  'PAT-39': ['onNoTarget'],
  'PAT-40': ['unfoldedKeys'],
  'PAT-59': ['removalByValue'],
  'PAT-77': ['onNoTarget'],
  'PUT-04': ['groupWithoutMembers'],
  'PUT-16': ['groupWithoutMembers'],
  'ERR-11': ['onNoTarget'],
  'NUL-04': ['emptyText'],
  'EXT-05': ['bareExtensionAttributes'],
  'EXT-06': ['unknownAttribute'],
  'USR-04': ['textFormat'],
  'USR-10': ['textFormat'],
  'USR-13': ['textFormat'],
  'GRP-01': ['groupNames'],
  'ENT-04': ['valueAlone'],
  'BLK-18': ['bulkSpelling'],
  'BLK-19': ['bulkSpelling'],
};
