import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestConnection } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

/** What a validator says about one thing it has tried. */
export interface Finding {
  /** What it tried, in its words. */
  readonly title: string;
  /** `failed` also for what it only warns of. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Its explanation; empty when it gives none. */
  readonly text: string;
}

/** A program that somebody else has written to check SCIM servers. */
export interface Validator {
  /** Its name, as on PyPI. */
  readonly name: string;
  /** Runs it against a connection, in which it creates, changes and deletes resources. Rejects when it says nothing. */
  check(programs: string, connection: TestConnection): Promise<readonly Finding[]>;
}

/** The validators, in the order in which they run. */
export const validators: readonly Validator[] = [
  {
    name: 'scim2-tester',
    async check(programs, connection) {
      await using described = await describeForTester(connection);
      const args = ['--url', connection.baseUrl, ...described.options, 'test'];
      const variables = { SCIM_CLI_HEADERS: `Authorization: Bearer ${connection.token}` };
      return readTesterReport(await output(join(programs, 'scim2'), args, variables));
    },
  },
  {
    name: 'scim-sanity',
    async check(programs, { baseUrl, token }) {
      const args = ['probe', baseUrl, '--token', token, '--i-accept-side-effects', '--json-output'];
      return readSanityReport(await output(join(programs, 'scim-sanity'), args, {}));
    },
  },
];

/** Values of the attributes whose text has a form that no schema can tell (RFC 7643, sections 4.1.1 and 4.1.2). */
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
 * Files with the schemas of a connection, and the options that name them. scim2-tester fills attributes with random text;
 * canonical values are how it is told what an attribute takes. What `/Schemas` answers it checks all the same.
 */
async function describeForTester(
  connection: TestConnection,
): Promise<{ readonly options: readonly string[] } & AsyncDisposable> {
  const scim = scimOf(connection);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-validators-'));
  const [schemas, types] = [join(folder, 'schemas.json'), join(folder, 'resource-types.json')];
  const { body: described } = await scim('GET', '/Schemas');
  const withExamples = (attribute: DescribedAttribute): DescribedAttribute => {
    const example = examples.get(attribute.name);
    return {
      ...attribute,
      ...(attribute.subAttributes && { subAttributes: attribute.subAttributes.map(withExamples) }),
      ...(example !== undefined && { canonicalValues: [example] }),
    };
  };
  const exemplified = described.Resources.map((schema: { attributes: readonly DescribedAttribute[] }) => ({
    ...schema,
    attributes: schema.attributes.map(withExamples),
  }));
  await writeFile(schemas, JSON.stringify(exemplified));
  await writeFile(types, JSON.stringify((await scim('GET', '/ResourceTypes')).body.Resources));
  return {
    options: ['--schemas', schemas, '--resource-types', types],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const testerOutcomes: Readonly<Record<string, Finding['outcome']>> = {
  SUCCESS: 'passed',
  COMPLIANT: 'passed',
  ACCEPTABLE: 'passed',
  SKIPPED: 'skipped',
  DEVIATION: 'failed',
  ERROR: 'failed',
  CRITICAL: 'failed',
};

/** Reads lines of `STATUS title`, each with indented lines of explanation after it. */
function readTesterReport(report: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const line of report.split('\n')) {
    const [, status = '', title = ''] = /^([A-Z]+) (\w+)$/.exec(line) ?? [];
    const outcome = testerOutcomes[status];
    const last = findings.at(-1);
    if (outcome !== undefined) findings.push({ title, outcome, text: '' });
    else if (last) findings[findings.length - 1] = { ...last, text: `${last.text} ${line.trim()}`.trim() };
  }
  return heard(findings, report);
}

const sanityOutcomes: Readonly<Record<string, Finding['outcome']>> = { pass: 'passed', skip: 'skipped' };

function readSanityReport(report: string): readonly Finding[] {
  const { results } = JSON.parse(report) as {
    results: readonly { name: string; status: string; message?: string }[];
  };
  const findings = results.map(({ name, status, message = '' }) => ({
    title: name,
    outcome: sanityOutcomes[status] ?? 'failed',
    text: message,
  }));
  return heard(findings, report);
}

/** A validator that could not run must not look like one that found nothing. */
function heard(findings: readonly Finding[], report: string): readonly Finding[] {
  if (findings.some(({ outcome }) => outcome === 'passed')) return findings;
  throw new Error(`The validator found nothing to praise. It said:\n${report}`);
}

/** What a program prints; its exit code only repeats whether it found something. */
async function output(
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return printed;
}
