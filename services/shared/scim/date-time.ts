const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Reads a dateTime (RFC 7643, section 2.3.5): date, time and zone as in RFC 3339, such as `2026-01-31T23:59:59.5Z`.
 * Digits below the millisecond are dropped. Undefined for any other text, a day that does not exist included.
 */
export function parseDateTime(text: string): Date | undefined {
  const upper = text.toUpperCase();
  if (!form.test(upper)) return undefined;
  // Date carries a 30 February into March; then the clock reading is not the one that was written.
  const reading = upper.slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
  const asUtc = new Date(`${reading}Z`);
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(reading)) return undefined;
  return new Date(upper);
}
