import { join } from 'node:path';
import { type Finding, runValidator, type Validator } from './validator.ts';

/** The probe of scim-sanity, as strict as it can be. */
export const scimSanity: Validator = {
  name: 'scim-sanity',
  check(programs, { baseUrl, token }) {
    const args = ['probe', baseUrl, '--token', token, '--i-accept-side-effects', '--json-output'];
    return runValidator(join(programs, 'scim-sanity'), args, {}, readReport);
  },
};

const outcomes: Readonly<Record<string, Finding['outcome']>> = { pass: 'passed', skip: 'skipped' };

function readReport(report: string): readonly Finding[] {
  const { results } = JSON.parse(report) as {
    results: readonly { name: string; status: string; message?: string }[];
  };
  return results.map(({ name, status, message = '' }) => ({
    title: name,
    outcome: outcomes[status] ?? 'failed',
    text: message,
  }));
}
