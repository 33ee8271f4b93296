import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestConnection } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { type Finding, runValidator, type Validator } from './validator.ts';

/** All checks of scim2-tester, run by scim2-cli. */
export const scim2Tester: Validator = {
  name: 'scim2-tester',
  async check(programs, connection) {
    await using description = await describe(connection);
    const args = ['--url', connection.baseUrl, ...description.options, 'test'];
    const variables = { SCIM_CLI_HEADERS: `Authorization: Bearer ${connection.token}` };
    return await runValidator(join(programs, 'scim2'), args, variables, readReport);
  },
};

/** Values of attributes whose text has a form that no schema can tell (RFC 7643, sections 4.1.1 and 4.1.2). */
const examples: ReadonlyMap<string, string> = new Map([
  ['locale', 'en-US'],
  ['country', 'NL'],
]);

interface DescribedAttribute {
  readonly name: string;
  readonly subAttributes?: readonly DescribedAttribute[];
  readonly canonicalValues?: readonly string[];
}

/**
 * Files with the schemas of a connection, and the options that name them. The tester fills attributes with random text;
 * canonical values tell it what an attribute takes. What `/Schemas` answers it checks all the same.
 */
async function describe(
  connection: TestConnection,
): Promise<{ readonly options: readonly string[] } & AsyncDisposable> {
  const scim = scimOf(connection);
  const { body: schemas } = await scim('GET', '/Schemas');
  const { body: resourceTypes } = await scim('GET', '/ResourceTypes');
  const exemplified = schemas.Resources.map((schema: { attributes: readonly DescribedAttribute[] }) => ({
    ...schema,
    attributes: schema.attributes.map(withExample),
  }));
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-scim2-tester-'));
  const [schemasFile, typesFile] = [join(folder, 'schemas.json'), join(folder, 'resource-types.json')];
  await writeFile(schemasFile, JSON.stringify(exemplified));
  await writeFile(typesFile, JSON.stringify(resourceTypes.Resources));
  return {
    options: ['--schemas', schemasFile, '--resource-types', typesFile],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function withExample(attribute: DescribedAttribute): DescribedAttribute {
  const example = examples.get(attribute.name);
  return {
    ...attribute,
    ...(attribute.subAttributes && { subAttributes: attribute.subAttributes.map(withExample) }),
    ...(example !== undefined && { canonicalValues: [example] }),
  };
}

const outcomes: Readonly<Record<string, Finding['outcome']>> = {
  SUCCESS: 'passed',
  COMPLIANT: 'passed',
  ACCEPTABLE: 'passed',
  SKIPPED: 'skipped',
  DEVIATION: 'failed',
  ERROR: 'failed',
  CRITICAL: 'failed',
};

/** Reads lines of `STATUS title`, each with indented lines of explanation after it. */
function readReport(report: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const line of report.split('\n')) {
    const [, status = '', title = ''] = /^([A-Z]+) (\w+)$/.exec(line) ?? [];
    const outcome = outcomes[status];
    const last = findings.at(-1);
    if (outcome !== undefined) findings.push({ title, outcome, text: '' });
    else if (last) findings[findings.length - 1] = { ...last, text: `${last.text} ${line.trim()}`.trim() };
  }
  return findings;
}
