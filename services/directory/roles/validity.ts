import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';

type Dates = Pick<RoleMapping, 'notBefore' | 'notAfter'>;

/** Whether a mapping gives its roles at a time. */
export function isInForce({ notBefore, notAfter }: Dates, now: Date): boolean {
  return (!notBefore || notBefore <= now) && (!notAfter || now < notAfter);
}

/** The first time after `now` at which one of the mappings begins or ends; undefined for never. */
export function nextEdge(mappings: Iterable<Dates>, now: Date): Date | undefined {
  let first: Date | undefined;
  for (const { notBefore, notAfter } of mappings)
    for (const edge of [notBefore, notAfter])
      if (edge && edge > now && (!first || edge < first)) first = edge;
  return first;
}
