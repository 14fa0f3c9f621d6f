import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { CallId } from "open-agent-workflows/domain/Ids"
import { callId } from "open-agent-workflows/domain/Ids"
import * as DiffRuns from "open-agent-workflows/report/DiffRuns"
import type { CallReport, RunReport } from "open-agent-workflows/report/RunReport"
import { hex } from "../../src/internal/sha256.ts"
import { ids, reported } from "./world.ts"

interface Given {
  readonly prompt: string
  readonly model?: string
  readonly label?: string | null
  readonly phase?: string | null
  readonly files?: string
  readonly system?: string
  readonly timeoutMs?: number
  readonly cacheStatus?: CallReport["cacheStatus"]
  readonly costUsd?: number | null
  readonly position?: string
}

/** Reports that differ in their calls alone; each call is one request unless it was a hit. */
const make = (base: RunReport) => (run: typeof ids.main, given: ReadonlyArray<Given>): RunReport => {
  const facts = { ...base.run, id: run, workflow: "w" }
  const template = base.calls.find(({ attempts }) => attempts.length === 1)
  if (template === undefined) return assert.fail("no call was asked once")
  const calls = given.map((one, at): CallReport => {
    const { cacheStatus = "miss", costUsd = 1, files = "", label = one.prompt, model = "m", phase = null, prompt } = one
    const callKey = hex(JSON.stringify([prompt, model, one.system ?? null]))
    const isAsked = cacheStatus === "miss"
    const [attempt] = template.attempts
    if (attempt === undefined) return assert.fail("it was not asked")
    return Object.assign({}, template, {
      id: callId(run, at + 1),
      runId: run,
      index: at + 1,
      label,
      phase,
      model,
      position: one.position ?? String(at),
      prompt: { text: prompt, size: prompt.length, isCut: false },
      system: one.system === undefined ? null : { text: one.system, size: one.system.length, isCut: false },
      options: one.timeoutMs === undefined ? {} : { timeoutMs: one.timeoutMs },
      callKey,
      cacheKey: hex(callKey + files),
      cacheStatus,
      costUsd: isAsked ? costUsd : 0,
      attempts: isAsked ? [{ ...attempt, costUsd }] : [],
      usage: isAsked ? template.usage : { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
    })
  })
  return { ...base, run: facts, runs: [facts], calls }
}

const diff = (before: ReadonlyArray<Given>, after: ReadonlyArray<Given>) =>
  Effect.map(reported, (base) => DiffRuns.make(make(base)(ids.earlier, before), make(base)(ids.main, after)))

const shape = ({ calls }: DiffRuns.RunDiff): ReadonlyArray<readonly [string, string | null, ReadonlyArray<string>]> =>
  calls.map(({ differs, kind, label }) => [kind, label, differs])

describe("the difference of two runs", () => {
  it.scoped("tells calls that were reused, asked again, new and gone, and what each came to", () =>
    Effect.gen(function*() {
      const found = yield* diff(
        [{ prompt: "same" }, { prompt: "other model", costUsd: 2 }, { prompt: "dropped", costUsd: 8 }],
        [
          { prompt: "same", cacheStatus: "hit" },
          { prompt: "other model", model: "large", costUsd: 4 },
          { prompt: "fresh", costUsd: 16, position: "9" }
        ]
      )
      assert.deepStrictEqual(shape(found), [
        ["reused", "same", []],
        ["rerun", "other model", ["model"]],
        ["added", "fresh", []],
        ["gone", "dropped", []]
      ])
      const amount = (calls: number, costUsd: number) => ({ calls, costUsd, tokens: calls * 120, unknownCosts: 0 })
      assert.deepStrictEqual(found.reused, amount(1, 1))
      assert.deepStrictEqual(found.rerun, {
        before: amount(1, 2),
        after: amount(1, 4),
        byComponent: [{ differs: ["model"], before: amount(1, 2), after: amount(1, 4) }]
      })
      assert.deepStrictEqual(found.added, amount(1, 16))
      assert.deepStrictEqual(found.gone, amount(1, 8))
      assert.deepInclude(found.before, { runId: ids.earlier, calls: 3, costUsd: 11 })
      assert.deepInclude(found.after, { runId: ids.main, calls: 3, costUsd: 20 })
    }))

  const changes: ReadonlyArray<readonly [string, Given, Given, ReadonlyArray<string>]> = [
    ["another prompt under the same label", { prompt: "a", label: "l" }, { prompt: "b", label: "l" }, ["prompt"]],
    ["files that changed", { prompt: "a", files: "1" }, { prompt: "a", files: "2" }, ["files"]],
    ["another system prompt", { prompt: "a", system: "x" }, { prompt: "a", system: "y" }, ["system"]],
    ["a system prompt that was not there", { prompt: "a" }, { prompt: "a", system: "y" }, ["system"]],
    [
      "two things",
      { prompt: "a", label: "l", model: "small" },
      { prompt: "b", label: "l", model: "large" },
      ["prompt", "model"]
    ],
    ["nothing that decides the answer", { prompt: "a" }, { prompt: "a", timeoutMs: 5 }, []]
  ]
  for (const [name, before, after, differs] of changes) {
    it.scoped(`names the components: ${name}`, () =>
      Effect.map(diff([before], [after]), (found) => {
        assert.deepStrictEqual(found.calls.map((call) => [call.kind, call.differs]), [["rerun", differs]])
        assert.deepStrictEqual(found.rerun.byComponent.map((component) => component.differs), [differs])
      }))
  }

  it.scoped("pairs what asked the same before what is called the same", () =>
    Effect.map(
      diff(
        [{ prompt: "x", label: "l" }, { prompt: "y", label: "l" }],
        [{ prompt: "y", label: "l" }, { prompt: "z", label: "l" }]
      ),
      (found) =>
        assert.deepStrictEqual(found.calls.map(({ after, before }) => [last(before), last(after)]), [
          ["0002", "0001"],
          ["0001", "0002"]
        ])
    ))

  it.scoped("prefers a label in the same phase", () =>
    Effect.map(
      diff(
        [{ prompt: "a", label: "l", phase: "one" }, { prompt: "b", label: "l", phase: "two" }],
        [{ prompt: "c", label: "l", phase: "two" }]
      ),
      (found) =>
        assert.deepStrictEqual(found.calls.map(({ before, kind }) => [kind, last(before)]), [
          ["rerun", "0002"],
          ["gone", "0001"]
        ])
    ))

  it.scoped("counts requests of unknown cost and adds nothing for them", () =>
    Effect.map(
      diff([{ prompt: "a" }], [{ prompt: "a", model: "m2", costUsd: null }]),
      ({ rerun }) => assert.deepInclude(rerun.after, { costUsd: 0, unknownCosts: 1 })
    ))

  it.scoped("has every call of both runs exactly once, and sums that agree", () =>
    Effect.map(reported, (base) => {
      const given = FastCheck.array(
        FastCheck.record({
          prompt: FastCheck.constantFrom("a", "b", "c"),
          model: FastCheck.constantFrom("m", "n"),
          label: FastCheck.constantFrom("l", "k", null),
          files: FastCheck.constantFrom("1", "2"),
          costUsd: FastCheck.constantFrom(1, 2, 4, null),
          cacheStatus: FastCheck.constantFrom<CallReport["cacheStatus"]>("hit", "miss")
        }),
        { maxLength: 12 }
      )
      FastCheck.assert(FastCheck.property(given, given, (some, others) => {
        const [before, after] = [make(base)(ids.earlier, some), make(base)(ids.main, others)]
        const found = DiffRuns.make(before, after)
        const of = (side: "before" | "after") => found.calls.flatMap((call) => call[side] === null ? [] : [call[side]])
        assert.deepStrictEqual(of("after"), after.calls.map(({ id }) => id))
        assert.deepStrictEqual(of("before").toSorted(), before.calls.map(({ id }) => id))
        const { added, gone, rerun, reused } = found
        assert.strictEqual(reused.calls + rerun.before.calls + gone.calls, before.calls.length)
        assert.strictEqual(reused.calls + rerun.after.calls + added.calls, after.calls.length)
        assert.strictEqual(reused.costUsd + rerun.before.costUsd + gone.costUsd, found.before.costUsd)
        assert.strictEqual(rerun.after.costUsd + added.costUsd, found.after.costUsd)
        const parts = rerun.byComponent.reduce((sum, component) => sum + component.after.costUsd, 0)
        assert.strictEqual(parts, rerun.after.costUsd)
      }))
    }))

  it.scoped("of ten thousand calls takes a moment", () =>
    Effect.map(reported, (base) => {
      const many = (model: string) => Array.from({ length: 10_000 }, (_, at) => ({ prompt: `${at}`, model }))
      const [before, after] = [make(base)(ids.earlier, many("m")), make(base)(ids.main, many("n"))]
      const began = process.cpuUsage()
      assert.strictEqual(DiffRuns.make(before, after).rerun.after.calls, 10_000)
      assert.isBelow((process.cpuUsage(began).user) / 1_000, 2_000)
    }))
})

const last = (id: CallId | null): string | null => id?.slice(-4) ?? null
