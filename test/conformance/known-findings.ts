import type { Finding } from './validator.ts';

/** A failure in which the validator is wrong. */
export interface KnownFinding {
  /** The validator's name. */
  readonly validator: string;
  /** What it tried. */
  readonly title: string;
  /** What its explanation says. */
  readonly text: RegExp;
  /** Why Rollcall is right, with the section of the RFC. */
  readonly reason: string;
}

const noContent =
  'RFC 7644, section 3.5.2, allows 204 for a PATCH. A group can have 200,000 members, so it is sent back only when the request names `attributes`.';

/** Every failure that is expected. A run in which one of them does not come up fails too, so that the list stays true. */
export const knownFindings: readonly KnownFinding[] = [
  {
    validator: 'scim-sanity',
    title: 'PATCH /Groups/{id}',
    text: /^Expected HTTP 200, got 204 /,
    reason: noContent,
  },
  {
    validator: 'scim-sanity',
    title: 'PATCH /Groups/{id} remove members',
    text: /^Expected 200, got 204$/,
    reason: noContent,
  },
  {
    validator: 'scim-sanity',
    title: 'PATCH /Groups/{id} add member',
    text: /^Expected 200, got 400$/,
    reason:
      'It adds the member "fake-member-id", which does not exist. RFC 7643, section 2.3.7, lets a server enforce that references lead somewhere, and access must not rest on one that does not.',
  },
];

/** The known finding that a failure is; undefined for a new one. */
export function findKnown(validator: string, { title, text }: Finding): KnownFinding | undefined {
  return knownFindings.find(
    (known) => known.validator === validator && known.title === title && known.text.test(text),
  );
}
