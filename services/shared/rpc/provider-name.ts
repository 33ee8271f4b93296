import { Provider } from '#proto/rollcall/directory/v1/connection_service.ts';

/** An identity provider as people write it: `entra`, `okta`, …, `generic`. */
export type ProviderName = Lowercase<Exclude<keyof typeof Provider, 'UNSPECIFIED'>>;

const entries = Object.entries(Provider)
  .filter(([, provider]) => provider !== Provider.UNSPECIFIED)
  .map(([key, provider]) => [key.toLowerCase() as ProviderName, provider] as const);

/** All names, in the order of `connection_service.proto`. */
export const providerNames: readonly ProviderName[] = entries.map(([name]) => name);

/** The name of a provider; `generic` when it is unspecified. */
export function providerName(provider: Provider): ProviderName {
  return entries.find(([, value]) => value === provider)?.[0] ?? 'generic';
}

/** The provider of a name, undefined for any other text. */
export function providerOf(name: string): Provider | undefined {
  return entries.find(([known]) => known === name)?.[1];
}
