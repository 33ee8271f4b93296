/**
 * Runs the validators that others have written against a strict and a default connection of a Rollcall of its own, and
 * prints what they find. Exit code 1 when they find what known-findings.ts does not explain, or no longer find what it does.
 */
import { join } from 'node:path';
import { testInstallDir } from '../support/database.ts';
import { startRollcall } from '../support/rollcall.ts';
import { findKnown, type KnownFinding, knownFindings } from './known-findings.ts';
import { scimSanity } from './scim-sanity.ts';
import { scim2Tester } from './scim2-tester.ts';
import type { Finding } from './validator.ts';
import { installValidators } from './validator-install.ts';

const installed = await installValidators(join(testInstallDir, 'validators'));
if ('unavailable' in installed) console.log(`Skipped: ${installed.unavailable}.`);
else process.exitCode = (await runAll(installed.programs)) ? 0 : 1;

async function runAll(programs: string): Promise<boolean> {
  await using rollcall = await startRollcall();
  let unexplained = 0;
  for (const strict of [true, false]) {
    const connection = await rollcall.connect({ strict });
    const met = new Set<KnownFinding>();
    for (const { name, check } of [scim2Tester, scimSanity]) {
      const findings = await check(programs, connection);
      unexplained += report(`${name}, ${strict ? 'strict' : 'default'} connection`, name, findings, met);
    }
    const gone = knownFindings.filter((known) => !met.has(known));
    for (const { validator, title } of gone) {
      console.log(`  ${validator} no longer complains about ${title}: take that out of known-findings.ts.`);
    }
    unexplained += gone.length;
  }
  console.log(unexplained === 0 ? '\nNothing unexplained.' : `\n${unexplained} unexplained.`);
  return unexplained === 0;
}

/** Prints the findings of one run, notes the known ones in `met`, and returns how many failures are not known. */
function report(
  heading: string,
  validator: string,
  findings: readonly Finding[],
  met: Set<KnownFinding>,
): number {
  const having = (outcome: Finding['outcome']) => findings.filter((finding) => finding.outcome === outcome);
  const failures = having('failed');
  const skipped = having('skipped');
  console.log(
    `\n${heading}: ${having('passed').length} passed, ${failures.length} failed, ${skipped.length} skipped`,
  );
  for (const { title, text } of skipped) console.log(`  skipped: ${title}: ${text}`);
  let unexplained = 0;
  for (const finding of failures) {
    const known = findKnown(validator, finding);
    if (known) met.add(known);
    else unexplained += 1;
    console.log(
      `  ${known ? 'failed, the validator is wrong' : 'FAILED'}: ${finding.title}: ${finding.text}`,
    );
    if (known) console.log(`    ${known.reason}`);
  }
  return unexplained;
}
