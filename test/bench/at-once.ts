/** Does work for every entry, so many at a time, and answers what came of it in the order of the entries. */
export async function atOnce<Entry, Result>(
  inFlight: number,
  entries: readonly Entry[],
  work: (entry: Entry, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = entries.entries();
  async function worker() {
    for (const [index, entry] of left) results[index] = await work(entry, index);
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  return results;
}
