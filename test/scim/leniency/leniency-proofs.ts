/** What rules say, each proved where it holds and where it does not; under the names of the table in leniency.ts. */
export type LeniencyProofs = Readonly<
  Record<
    string,
    {
      /** On a default connection. */
      lenient(): Promise<void>;
      /** On a strict one. */
      strict(): Promise<void>;
    }
  >
>;
