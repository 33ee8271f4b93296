import { iso31661Alpha2ToAlpha3 } from 'iso-3166';
import type { AttributeDefinition } from './attribute.ts';

/** What the text of an attribute must be and is not, as in "must be …"; undefined when nothing is wrong. */
export function missedFormat({ format }: AttributeDefinition, text: string): string | undefined {
  const { wanted, accepts } = formats[format];
  return accepts(text) ? undefined : wanted;
}

interface Format {
  readonly wanted: string;
  accepts(text: string): boolean;
}

const formats: Readonly<Record<AttributeDefinition['format'], Format>> = {
  any: { wanted: 'text', accepts: () => true },
  countryCode: {
    wanted: 'an ISO 3166-1 alpha-2 code, such as "NL"',
    accepts: (text) => Object.hasOwn(iso31661Alpha2ToAlpha3, text.toUpperCase()),
  },
  languageTag: { wanted: 'a language tag, such as "en-US"', accepts: isLanguageTag },
  certificate: { wanted: 'one certificate; send others as values of their own', accepts: isOneElement },
};

/** RFC 5646; an underscore between the parts is tolerated (RFC 7643, section 4.1.1). */
function isLanguageTag(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text.replaceAll('_', '-')).length === 1;
  } catch {
    return false;
  }
}

/** A certificate is an ASN.1 sequence (0x30), whose length stands before its contents (X.690, section 8.1.3). */
function isOneElement(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  const [tag, first = 0] = bytes;
  // What no certificate begins with is not looked into.
  if (tag !== 0x30) return true;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (lengthBytes > 4 || bytes.length < 2 + lengthBytes) return true;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  return bytes.length <= 2 + lengthBytes + length;
}
