import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Records from "open-agent-workflows/domain/Records"

const records = {
  Run: Records.Run,
  Call: Records.Call,
  Attempt: Records.Attempt,
  Event: Records.Event,
  Artifact: Records.Artifact
} as const

const each = Object.entries(records) as ReadonlyArray<readonly [string, Schema.Schema<object, object>]>

describe.each(each)("%s", (_, schema) => {
  const decode = Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })
  const encode = Schema.encodeSync(schema)

  it("comes back from the store as it was", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(schema), (record) => {
        assert.deepStrictEqual(decode(encode(record)), record)
      }),
      { numRuns: 50 }
    )
  })

  it("is stored under snake-case names, every one of them always there", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(schema), (record) => {
        const stored = encode(record)
        assert.strictEqual(Object.keys(stored).length, Object.keys(record).length)
        for (const name of Object.keys(stored)) assert.match(name, /^[a-z0-9]+(_[a-z0-9]+)*$/)
        for (const name of Object.keys(stored)) {
          const { [name]: _, ...rest } = { ...stored } as Record<string, unknown>
          assert.throws(() => decode(rest), undefined, undefined, name)
        }
      }),
      { numRuns: 10 }
    )
  })
})

const run = {
  id: "20260528-143201-0sj04k7m2x9",
  root_run_id: "20260528-143201-0sj04k7m2x9",
  parent_run_id: null,
  workflow_name: "classify",
  workflow_description: null,
  script_path: null,
  script_hash: null,
  args_json: "{}",
  output_json: null,
  status: "running",
  attempt_number: 1,
  depth: 0,
  provider: "fake",
  model: null,
  cache_policy: "auto",
  budget_total_tokens: null,
  budget_spent_tokens: 0,
  budget_total_cost_usd: null,
  budget_spent_cost_usd: 0.25,
  error_kind: null,
  error_message: null,
  created_at: "2026-05-28T14:32:01.000Z",
  started_at: "2026-05-28T14:32:01.000Z",
  completed_at: null,
  updated_at: "2026-05-28T14:32:01.000Z"
}

describe("a row", () => {
  const decode = Schema.decodeUnknownEither(Records.Run)

  it("that is right decodes", () => {
    assert.deepInclude(Schema.decodeUnknownSync(Records.Run)(run), {
      workflowName: "classify",
      budgetSpentCostUsd: 0.25
    })
  })

  it("that is wrong is refused, not guessed at", () => {
    const wrong: Readonly<Record<string, unknown>> = {
      id: "latest",
      root_run_id: null,
      status: "paused",
      attempt_number: -1,
      depth: 0.5,
      cache_policy: "always",
      budget_total_tokens: "many",
      created_at: 0
    }
    for (const [name, value] of Object.entries(wrong)) {
      assert.strictEqual(decode({ ...run, [name]: value })._tag, "Left", name)
    }
  })
})
