import type { Scenario } from './scenario.ts';
import { accessQuestions } from './scenarios/access-questions.ts';
import { cycles } from './scenarios/cycles.ts';
import { deactivations } from './scenarios/deactivation.ts';
import { groupReads } from './scenarios/group-reads.ts';
import { initialLoad } from './scenarios/initial-load.ts';
import { memberWrites } from './scenarios/member-writes.ts';
import { neighbours } from './scenarios/neighbour.ts';
import { pages } from './scenarios/pages.ts';
import { userReads } from './scenarios/user-reads.ts';
import { userWrites } from './scenarios/user-writes.ts';
import { warmStart } from './scenarios/warm-start.ts';
import { wholeGroup, wholeGroupMemory } from './scenarios/whole-group.ts';

/** Everything that is measured, in this order; what targets compare with comes before them. */
export const scenarios: readonly Scenario[] = [
  ...userReads,
  ...userWrites,
  ...memberWrites,
  ...pages,
  ...groupReads,
  wholeGroup,
  wholeGroupMemory,
  ...accessQuestions,
  ...deactivations,
  ...cycles,
  initialLoad,
  ...neighbours,
  warmStart,
];
