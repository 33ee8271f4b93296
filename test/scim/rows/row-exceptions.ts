/** The rows that no test proves, and why. What is left out is said for people who weigh the product, so it stays short. */
export const rowExceptions: Readonly<Record<string, string>> = {};
