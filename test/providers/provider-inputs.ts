import { randomUUID } from 'node:crypto';
import type { TestConnection } from '../support/rollcall.ts';

/** The variables that the exchanges of a provider begin with, by name. */
export function providerInputs({ token, baseUrl }: TestConnection): Record<string, string> {
  const userName = 'Adele.Vance@example.com';
  const groupName = 'Retail Managers';
  return {
    token,
    base: baseUrl,
    randomGuid: randomUUID(),
    userName,
    userNameUpper: userName.toUpperCase(),
    userName2: 'Adele.Smith@example.com',
    mail: 'adele@example.com',
    externalId: 'E-1001',
    externalId2: 'E-1002',
    managerUserName: 'miriam.graham@example.com',
    managerExternalId: 'E-0001',
    groupName,
    groupNameEncoded: groupName.replaceAll(' ', '+'),
    groupNameUpper: groupName.toUpperCase(),
    groupName2: 'Retail Leads',
    groupName3: 'Retail Board',
    groupExternalId: 'G-2001',
    groupExternalId2: 'G-2002',
  };
}
