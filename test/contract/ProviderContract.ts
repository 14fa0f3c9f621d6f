/**
 * The contract of a provider as tests of this repository: the cases of the library's `testing/ProviderContract`.
 */
import { describe, it } from "@effect/vitest"
import * as ProviderContract from "../../src/testing/ProviderContract.ts"

export { listener, request } from "../../src/testing/ProviderContract.ts"

/** Runs the contract; `provider` is built anew for every test. */
export const suite = (
  name: string,
  provider: ProviderContract.Building,
  more: Omit<ProviderContract.Options, "provider"> = {}
): void => {
  describe(`${name} keeps the contract of a provider`, () => {
    for (const { check, name } of ProviderContract.cases({ ...more, provider })) it.live(name, () => check)
  })
}
