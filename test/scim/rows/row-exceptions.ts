/**
 * The rows that no test proves, and why: what the product does not have on purpose, said for people who weigh it. PUT-03
 * and PAT-82 are proved but for one thing: a password is accepted and dropped, so that it is not in effect afterwards.
 */
export const rowExceptions: Readonly<Record<string, string>> = {
  'HTTP-22': 'Nothing is redirected: every URL answers itself.',
  'AUTH-07': 'The gateway speaks HTTP behind a proxy, or on loopback; TLS and its versions are the proxy’s.',
  'CRE-18': 'The only default is that a user is active, and null does not take it away: nobody is neither.',
  'SRT-12': 'Sorting is supported, so that the rule for servers without it does not apply.',
  'PUT-14': 'A password is accepted and dropped; there is none that a PUT could keep.',
  'BLK-26': 'Bulk is supported, so that the rule for servers without it does not apply.',
  'ETG-13': 'Versions are supported, so that the rule for servers without them does not apply.',
  'SEC-02': 'A password is dropped where it arrives and passed on to nobody.',
  'SEC-03':
    'Nobody logs in with Rollcall: a password is dropped, so that there is none to prepare, check or hash.',
  'USR-09':
    'An address is kept as it is sent: a provider that sends a placeholder must not lose the user for it.',
  'CUR-14': 'Paging by index is supported too and is the default, so that nobody gets a cursor unasked.',
};
