import { maskedText, maskFilter, maskTokens } from './mask-text.ts';
import type { Secrets } from './secrets.ts';

/** A URL as it may be written down. */
export interface MaskedUrl {
  /** The path with its query. */
  readonly text: string;
  /** The names of the parameters whose values are replaced. */
  readonly names: readonly string[];
}

/** The parameters whose values are no secrets. */
const harmless: ReadonlySet<string> = new Set(
  'attributes excludedattributes sortby sortorder startindex count cursor'.split(' '),
);

/**
 * Masks a path with its query: the values that a filter compares secrets with, and what parameters hold that SCIM does not
 * have, for clients put tokens there too.
 */
export function maskedUrl(url: string, secrets: Secrets, presented: string): MaskedUrl {
  const names: string[] = [];
  const [path = '', ...rest] = url.split('?');
  const query = rest.join('?');
  const parameters = query.split('&').map((parameter) => {
    const [name = '', ...values] = parameter.split('=');
    const value = values.join('=');
    if (value === '' || harmless.has(name.toLowerCase())) return parameter;
    const masked = name.toLowerCase() === 'filter' ? filterValue(value) : encoded(maskedText);
    if (masked !== value) names.push(name);
    return `${name}=${masked}`;
  });
  const text = rest.length === 0 ? path : `${path}?${parameters.join('&')}`;
  return { text: maskTokens(text, presented), names: names.map((name) => maskTokens(name, presented)) };

  function filterValue(value: string): string {
    const filter = decoded(value);
    if (filter === undefined) return encoded(maskedText);
    const masked = maskFilter(filter, secrets, presented);
    return masked === filter ? value : encoded(masked);
  }
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function encoded(value: string): string {
  return encodeURIComponent(value);
}
