/** How much there is, and how long it is measured. */
export interface Scale {
  /** Names it, in the results: only runs of one scale can be compared. */
  readonly name: 'full' | 'quick';
  /** Users of the connection that most scenarios work on. */
  readonly users: number;
  /** Users of the connection that shows how costs grow. */
  readonly manyUsers: number;
  /** Members of a small group. */
  readonly smallGroup: number;
  /** Members of a group in between. */
  readonly mediumGroup: number;
  /** Members of a large group. */
  readonly largeGroup: number;
  /** What an initial load brings; as many users does a connection of middle size have. */
  readonly load: { readonly users: number; readonly groups: number; readonly memberships: number };
  /** How many rounds there are. */
  readonly rounds: number;
  /** How long each takes, in milliseconds. */
  readonly roundMs: number;
  /** How long a scenario or limit runs before the first, in milliseconds. */
  readonly warmMs: number;
}

/** Ten minutes on two cores. */
export const fullScale: Scale = {
  name: 'full',
  users: 2_000,
  manyUsers: 100_000,
  smallGroup: 100,
  mediumGroup: 1_000,
  largeGroup: 20_000,
  load: { users: 10_000, groups: 500, memberships: 100_000 },
  rounds: 3,
  roundMs: 1_000,
  warmMs: 500,
};

/** A minute: shows that everything runs, and gross changes. */
export const quickScale: Scale = {
  name: 'quick',
  users: 500,
  manyUsers: 2_000,
  smallGroup: 100,
  mediumGroup: 300,
  largeGroup: 1_000,
  load: { users: 200, groups: 10, memberships: 2_000 },
  rounds: 2,
  roundMs: 200,
  warmMs: 100,
};
