import type { Scenario } from './scenario.ts';
import { accessQuestions } from './scenarios/access-questions.ts';
import { cycles } from './scenarios/cycles.ts';
import { deactivations } from './scenarios/deactivation.ts';
import { gatewayProcesses } from './scenarios/gateway-processes.ts';
import { groupFilling } from './scenarios/group-filling.ts';
import { groupReads } from './scenarios/group-reads.ts';
import { initialLoad } from './scenarios/initial-load.ts';
import { memberWrites } from './scenarios/member-writes.ts';
import { neighbours } from './scenarios/neighbour.ts';
import { pages } from './scenarios/pages.ts';
import { roleMappingChange } from './scenarios/role-mappings.ts';
import { userReads } from './scenarios/user-reads.ts';
import { userWrites } from './scenarios/user-writes.ts';
import { warmStart } from './scenarios/warm-start.ts';
import { wholeGroup, wholeGroupMemory } from './scenarios/whole-group.ts';

/** Everything that is measured, in this order; what targets compare with comes before them. */
export const scenarios: readonly Scenario[] = [
  ...userReads,
  ...userWrites,
  groupFilling,
  ...memberWrites,
  ...pages,
  ...groupReads,
  wholeGroup,
  wholeGroupMemory,
  ...accessQuestions,
  roleMappingChange,
  ...deactivations,
  ...cycles,
  initialLoad,
  ...gatewayProcesses,
  ...neighbours,
  warmStart,
];
