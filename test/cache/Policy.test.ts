import { assert, describe, it } from "@effect/vitest"
import * as Policy from "open-agent-workflows/cache/Policy"
import type { CachePolicy } from "open-agent-workflows/domain/Status"

const table: ReadonlyArray<readonly [CachePolicy, Policy.Access, Policy.Access]> = [
  ["auto", { reads: true, writes: true, status: "miss" }, { reads: false, writes: false, status: "bypassed" }],
  ["read_only", { reads: true, writes: false, status: "miss" }, { reads: false, writes: false, status: "bypassed" }],
  ["refresh", { reads: false, writes: true, status: "miss" }, { reads: false, writes: false, status: "bypassed" }],
  ["disabled", { reads: false, writes: false, status: "disabled" }, { reads: false, writes: false, status: "disabled" }]
]

describe.each(table)("%s", (policy, reading, mutating) => {
  it("lets a call that changes nothing use the cache as it says", () => {
    assert.deepStrictEqual(Policy.access(policy, false), reading)
  })

  it("never lets a mutating call read or write it", () => {
    assert.deepStrictEqual(Policy.access(policy, true), mutating)
  })
})
