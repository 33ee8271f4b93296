import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import type { LeniencyProofs } from './leniency/leniency-proofs.ts';
import { proveNames } from './leniency/names.ts';
import { proveOperations } from './leniency/operations.ts';
import { proveValues } from './leniency/values.ts';
import { differences } from './rows/differences.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const lenient = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

const proofs: LeniencyProofs = {
  ...proveNames(lenient, strict),
  ...proveValues(lenient, strict),
  ...proveOperations(lenient, strict),
};

/** The rows of the RFCs from which a rule differs, as test names have them. */
function rowsOf(rule: string): string {
  const rows = Object.entries(differences).filter(([, rules]) => rules.includes(rule));
  return rows.length === 0 ? '' : ` (${rows.map(([id]) => id).join(', ')})`;
}

suite('the table of differences', () => {
  test('has a proof for every rule, and no proof without a rule', () => {
    assert.deepEqual(Object.keys(proofs).sort(), Object.keys(leniencyRules).sort());
  });
  for (const [rule, proof] of Object.entries(proofs)) {
    const { input, lenient: byDefault, strict: byTheRfc } = leniencyRules[rule] ?? {};
    test(`${rule}, default: ${input}: ${byDefault}${rowsOf(rule)}`, proof.lenient);
    test(`${rule}, strict: ${byTheRfc}${rowsOf(rule)}`, proof.strict);
  }
});
