import type { Secrets } from './secrets.ts';

/** What stands in place of a secret text. */
export const maskedText = '<masked text>';

/** What stands in place of a bearer token. */
const maskedToken = '<masked token>';

/** The tokens that Rollcall makes: a prefix that says so, and random characters. */
const ownToken = /rollcall_[A-Za-z0-9_-]{16,}/g;

/**
 * A name with something that gives it a value, as in a text that is itself JSON or a query. The bounds keep the search
 * linear, whatever the text.
 */
const assignment = /(?<![\p{L}\p{N}$_-])([\p{L}\p{N}$_-]{1,200})["'\\\s]{0,20}(?:[:=]|%3[ad])/giu;

/**
 * Takes tokens out of a text: those of the form that Rollcall makes, and `presented`, the one that came with the request.
 */
export function maskTokens(text: string, presented: string): string {
  const without = text.includes('rollcall_') ? text.replace(ownToken, maskedToken) : text;
  return presented.length < 8 ? without : without.replaceAll(presented, maskedToken);
}

/** A text as it may be written down: without tokens, and not at all when it gives a secret a value. */
export function maskFreeText(text: string, secrets: Secrets, presented: string): string {
  if (secrets.mayName(text)) {
    for (const [, name = ''] of text.matchAll(assignment)) if (secrets.isSecret(name)) return maskedText;
  }
  return maskTokens(text, presented);
}

const word = /"(?:[^"\\]|\\.)*"?|[[\]()]|\s+|[^\s"[\]()]+/g;
const keywords: ReadonlySet<string> = new Set(
  'eq ne co sw ew gt ge lt le pr and or not true false null'.split(' '),
);

/** Whether a filter or path names a secret; what it compares with does not count. */
export function namesSecret(text: string, secrets: Secrets): boolean {
  return secrets.mayName(text) && secrets.isSecret(text.replace(/"(?:[^"\\]|\\.)*"?/g, ' '));
}

/**
 * A filter or PATCH path as it may be written down: when it names a secret, nothing is left of it but the names that the
 * schemas know and the words of the grammar, for what a broken one says of the secret can stand anywhere.
 */
export function maskFilter(text: string, secrets: Secrets, presented: string): string {
  if (!namesSecret(text, secrets)) return maskTokens(text, presented);
  return text.replace(word, (token) => {
    if (/^(\s|[[\]()]$)/.test(token)) return token;
    if (token.startsWith('"')) return `"${maskedText}"`;
    return isHarmless(token, secrets) ? token : maskedText;
  });
}

function isHarmless(token: string, secrets: Secrets): boolean {
  if (keywords.has(token.toLowerCase())) return true;
  const text = secrets.withoutUrn(token);
  const name = /^(?:urn:ietf:params:scim:schemas:[A-Za-z0-9.:]+:|\.)?([A-Za-z$][\w.$-]*)$/.exec(text)?.[1];
  return name?.split('.').every((part) => secrets.isKnownName(part)) ?? false;
}
