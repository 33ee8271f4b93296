/** A filter or path that cannot be understood. The message says what to change and is fit for the client. */
export class ScimSyntaxError extends Error {
  /** What is wrong: a filter (also one inside a path) or a path; `invalidFilter` or `invalidPath` in SCIM. */
  readonly kind: 'filter' | 'path';
  /** Where: the number of the first character that is wrong, counted from 1 in the whole text. */
  readonly position: number;

  /** @param problem what to change; the position is added to it. */
  constructor(kind: 'filter' | 'path', position: number, problem: string) {
    super(`Character ${position} of the ${kind}: ${problem}`);
    this.name = 'ScimSyntaxError';
    this.kind = kind;
    this.position = position;
  }
}
