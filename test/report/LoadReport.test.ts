import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { callId } from "open-agent-workflows/domain/Ids"
import * as LoadReport from "open-agent-workflows/report/LoadReport"
import type { CallReport, RunReport } from "open-agent-workflows/report/RunReport"
import { RunStore } from "open-agent-workflows/store/RunStore"
import { answered, finished, newAttempt, newCall, newRun, start, temporary } from "../lib/store.ts"
import { fill, ids, many, store } from "./world.ts"

const withRuns = <A, E>(
  filled: Effect.Effect<void, unknown, RunStore>,
  use: Effect.Effect<A, E, RunStore | Scope.Scope>
) =>
  Effect.flatMap(
    temporary,
    (home) =>
      Effect.provide(Effect.zipRight(TestClock.setTime(start + 100_000), Effect.zipRight(filled, use)), store(home))
  )

const load = (id: string, options: Partial<LoadReport.Options> = {}) =>
  LoadReport.load(id, { owfVersion: "0.1.0", ...options })

/** The report of the run that has something of everything. */
const sample = <A, E>(use: (report: RunReport) => Effect.Effect<A, E>, options: Partial<LoadReport.Options> = {}) =>
  withRuns(fill, Effect.flatMap(load(ids.main, options), use))

const call = (report: RunReport, index: number): CallReport => {
  const found = report.calls.find(({ id }) => id === callId(ids.main, index))
  return found ?? assert.fail(`there is no call ${index}`)
}

const at = (seconds: number): number => start + seconds * 1000

describe("a report", () => {
  it.scoped("survives JSON as it is: nothing in it is undefined, a class or not a number", () =>
    sample((report) => Effect.sync(() => assert.deepStrictEqual(JSON.parse(JSON.stringify(report)), report))))

  it.scoped("has the run first, then the runs below it, and their calls in that order", () =>
    sample((report) =>
      Effect.sync(() => {
        assert.deepStrictEqual(report.runs.map(({ depth, id, workflow }) => [id, depth, workflow]), [
          [ids.main, 0, "review"],
          [ids.child, 1, "announce"]
        ])
        assert.deepStrictEqual(report.run, report.runs[0])
        assert.deepStrictEqual(report.calls.map(({ id }) => id), [
          ...[1, 2, 3, 4, 5, 6, 7].map((index) => callId(ids.main, index)),
          callId(ids.child, 1)
        ])
      })
    ))

  it.scoped("of a run below another is about that run", () =>
    withRuns(
      fill,
      Effect.map(load(ids.child), (report) => {
        assert.deepStrictEqual(report.runs.map(({ id }) => id), [ids.child])
        assert.deepStrictEqual(report.calls.map(({ id }) => id), [callId(ids.child, 1)])
        assert.deepStrictEqual(report.approvals, [])
      })
    ))

  it.scoped("knows what the run was started with, its budget and the commands that go on with it", () =>
    sample((report) =>
      Effect.sync(() => {
        assert.deepStrictEqual(report.run.environment, {
          owfVersion: "0.1.0",
          node: "v20.19.0",
          gitCommit: "0123456789abcdef0123456789abcdef01234567",
          gitBranch: "main"
        })
        assert.deepInclude(report.run.budget, { totalTokens: 100_000, totalCostUsd: 2 })
        assert.strictEqual(report.commands.status, `owf status ${ids.main} --home './my home'`)
        assert.strictEqual(report.commands.resume, null)
      }), { home: "./my home" }))

  it.scoped("shows what every request of a call used, how it was waited for, and why it was asked", () =>
    sample((report) =>
      Effect.sync(() => {
        const retried = call(report, 2)
        assert.deepStrictEqual(
          retried.attempts.map((
            { costUsd, errorKind, number, sessionId, status }
          ) => [number, status, errorKind, costUsd, sessionId]),
          [[1, "failed", "RateLimited", 0, null], [2, "done", null, 0.000001234, "session-2"]]
        )
        assert.deepInclude(retried.recovery, { retries: 1, retryWaitMs: 10_000, corrections: 0 })
        assert.deepStrictEqual(retried.recovery?.steps.map((step) => step.at), [at(2), at(12)])
        assert.deepStrictEqual(
          retried.waits.map(({ endedAt, from, until }) => [from, endedAt, until]),
          [[at(2), at(12), at(12)]]
        )
        assert.deepInclude(retried, {
          usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 0, cacheWriteTokens: 0 },
          costUsd: 0.000001234,
          costSource: "table 1",
          queuedMs: 800,
          system: { text: "You are terse.", size: 14, isCut: false },
          options: { temperature: 0, timeoutMs: 60_000, metadata: { team: "core" } }
        })
        assert.deepStrictEqual(JSON.parse(retried.schema?.text ?? "null"), {
          type: "object",
          properties: { n: { type: "integer" } },
          required: ["n"]
        })
        assert.deepStrictEqual(retried.explanation, {
          reason: `model, schema, system and temperature differ from ${callId(ids.earlier, 2)}`,
          differs: ["model", "schema", "system", "temperature"],
          nearest: callId(ids.earlier, 2)
        })
      })
    ))

  it.scoped("shows what a hit saved, and that it cost nothing", () =>
    sample((report) =>
      Effect.sync(() => {
        assert.deepInclude(call(report, 1), {
          cacheStatus: "hit",
          sourceCallId: callId(ids.earlier, 1),
          costUsd: 0,
          startedAt: null,
          queuedMs: null
        })
        assert.deepInclude(report.totals, { savedTokens: 120, savedCostUsd: 0.000001234 })
      })
    ))

  it.scoped("shows errors, changes and stand-ins as they were recorded", () =>
    sample((report) =>
      Effect.sync(() => {
        assert.deepStrictEqual(call(report, 4).validationErrors, [{ path: "$.n", message: "is missing | <b>" }])
        assert.strictEqual(call(report, 4).attempts[0]?.raw?.text, "{\"m\": \"<i>\"}")
        assert.deepInclude(call(report, 5).worktree, { branch: "owf/review/5" })
        assert.lengthOf(call(report, 5).changes ?? [], 3)
        assert.include(call(report, 5).patch?.text ?? "", "+const a = 2")
        assert.deepInclude(call(report, 6), {
          status: "degraded",
          degradedReason: "the provider is overloaded",
          costUsd: null
        })
        assert.strictEqual(call(report, 7).attempts[0]?.status, "lost")
        assert.deepStrictEqual(report.warnings.map(({ callId: id, message }) => [id?.slice(-4) ?? null, message]), [
          ["0006", "a declared value stands in for the answer: the provider is overloaded"],
          ["0005", "a file outside of the write scope was left as it was"],
          [null, "the cost of 2 requests is not known"],
          [null, "1 request ended without anybody hearing how; what was set aside for them counts as spent"]
        ])
      })
    ))

  it.scoped("adds up what is known and counts what is not", () =>
    sample((report) =>
      Effect.sync(() => {
        assert.deepInclude(report.totals, {
          runs: 2,
          calls: 8,
          byStatus: { done: 5, schema_failed: 1, degraded: 1, cancelled: 1 },
          byCache: { hit: 1, miss: 6, bypassed: 1 },
          requests: 8,
          lostRequests: 1,
          tokens: 840,
          costUsd: 0.00000617,
          unknownCosts: 2,
          wallMs: 90_000,
          requestMs: 1_000 + 6_000 + 5_000 + 9_000 + 19_000 + 5_000 + 5_000 + 8_000,
          peakConcurrency: 2,
          changedFiles: 3
        })
      })
    ))

  it.scoped("adds up by phase, model and provider as the database does", () =>
    withRuns(
      fill,
      Effect.gen(function*() {
        const report = yield* load(ids.main)
        const { usage } = yield* RunStore
        for (
          const [by, groups] of [
            ["phase", report.usage.byPhase],
            ["model", report.usage.byModel],
            ["provider", report.usage.byProvider]
          ] as const
        ) assert.deepStrictEqual(groups, yield* usage({ by, run: ids.main }), by)
      })
    ))

  it.scoped("has the phases in the order they began, with what became of their calls", () =>
    sample((report) =>
      Effect.sync(() =>
        assert.deepStrictEqual(
          report.phases.map((
            { byStatus, calls, endedAt, name, order, startedAt }
          ) => [name, order, calls, byStatus, startedAt, endedAt]),
          [
            ["gather", 0, 2, { done: 2 }, at(0.1), at(18)],
            [
              "review | <b>\"all\"</b>",
              1,
              5,
              { done: 2, schema_failed: 1, degraded: 1, cancelled: 1 },
              at(20),
              at(60)
            ],
            [null, 0, 1, { done: 1 }, at(72), at(80)]
          ]
        )
      )
    ))

  it.scoped("has the waits of calls and of the workflow, until they were over", () =>
    sample((report) =>
      Effect.sync(() =>
        assert.deepStrictEqual(
          report.waits.map(({ callId: id, endedAt, from, reason }) => [id === null, from, endedAt, reason]),
          [
            [false, at(2), at(12), `retry 1; until ${new Date(at(12)).toISOString()}: 429: slow down`],
            [true, at(62), at(70), "sign-off: waiting for approval"]
          ]
        )
      )
    ))

  it.scoped("of a run that is under way counts until now, and says what has not ended", () =>
    withRuns(
      Effect.gen(function*() {
        const { begin, create } = yield* RunStore
        const { ownership } = yield* create(newRun(ids.main), null)
        for (const index of [1, 2]) {
          yield* begin(ownership, newCall(ids.main, index, { phase: "one" }), newAttempt(ids.main, index))
        }
      }),
      Effect.map(load(ids.main), (report) => {
        assert.strictEqual(report.run.status, "running")
        assert.deepInclude(report.totals, {
          wallMs: 100_000,
          requestMs: 200_000,
          peakConcurrency: 2,
          byStatus: { running: 2 }
        })
        assert.deepStrictEqual(report.phases.map(({ endedAt, name }) => [name, endedAt]), [["one", null]])
        assert.deepStrictEqual(report.calls.map(({ completedAt, durationMs }) => [completedAt, durationMs]), [
          [null, null],
          [null, null]
        ])
        assert.strictEqual(report.commands.resume, null)
      })
    ))

  it.scoped("of a run that failed has its error and the command that goes on with it", () =>
    withRuns(
      Effect.gen(function*() {
        const { create, finish } = yield* RunStore
        const { ownership } = yield* create(newRun(ids.main, { scriptPath: "/p/flow.ts" }), null)
        yield* finish(ownership, finished(ids.main, { status: "failed", errorKind: "E", errorMessage: "no" }))
      }),
      Effect.map(load("latest"), ({ run, totals }) => {
        assert.deepStrictEqual(run.error, { kind: "E", message: "no" })
        assert.strictEqual(run.resumeCommand, `owf resume ${ids.main}`)
        assert.deepInclude(totals, { calls: 0, requests: 0, costUsd: 0, peakConcurrency: 0, wallMs: 1_000 })
      })
    ))

  it.scoped("is not there for a run nobody knows", () =>
    withRuns(
      Effect.void,
      Effect.map(Effect.flip(load("latest")), (error) => assert.strictEqual(error._tag, "RunNotFound"))
    ))
})

describe("a report of a run that is too large to show", () => {
  const wide = (size: number) =>
    Effect.gen(function*() {
      const { create, ...rest } = yield* RunStore
      const { ownership } = yield* create(newRun(ids.main), null)
      for (const index of [1, 2, 3]) {
        yield* answered({ create, ...rest }, ownership, ids.main, index, {
          call: { prompt: `${index}${"ü".repeat(size)}`, optsJson: JSON.stringify({ system: "s".repeat(size) }) },
          outcome: { outputText: `${"x".repeat(size)}\u{1F600}end`, outputJson: JSON.stringify("y".repeat(size)) }
        })
      }
    })

  it.scoped("cuts each text, says how long it is, and keeps whole characters", () =>
    withRuns(
      wide(100_000),
      Effect.map(load(ids.main), (report) => {
        const [first] = report.calls
        assert.deepInclude(first?.outputText, { isCut: true, size: 100_007 })
        assert.lengthOf(first?.outputText?.text ?? "", 65_536)
        assert.deepInclude(first?.prompt, { isCut: true, size: 200_001 })
        assert.deepInclude(first?.system, { isCut: true, size: 100_000 })
        assert.deepInclude(report.omitted, { texts: 12, textLimit: 65_536 })
      })
    ))

  it.scoped("lowers the limit of each text until all of them fit", () =>
    withRuns(
      wide(10_000),
      Effect.map(load(ids.main, { limits: { total: 40_000 } }), (report) => {
        const bytes = report.calls.reduce(
          (sum, { outputJson, outputText }) => sum + (outputJson?.text.length ?? 0) + (outputText?.text.length ?? 0),
          0
        )
        assert.strictEqual(report.omitted.textLimit, 4_096)
        assert.isAtMost(bytes, 40_000)
      })
    ))

  it.scoped("leaves a text alone that fits", () =>
    withRuns(
      wide(10),
      Effect.map(load(ids.main), (report) => {
        assert.deepStrictEqual(report.calls[0]?.outputText, { text: "xxxxxxxxxx\u{1F600}end", size: 17, isCut: false })
        assert.deepStrictEqual(report.omitted, { events: 0, texts: 0, textLimit: 65_536 })
      })
    ))

  it.scoped("keeps the newest events, and those that tell more than that a call was settled", () =>
    withRuns(
      fill,
      Effect.map(load(ids.main, { limits: { events: 10 } }), (report) => {
        assert.lengthOf(report.events, 10)
        assert.isAbove(report.omitted.events, 8)
        assert.isEmpty(report.events.filter(({ type }) => type === "call_settled"))
        assert.deepStrictEqual(
          report.events.map((event) => event.at),
          report.events.map((event) => event.at).toSorted((a, b) => a - b)
        )
      })
    ))
})

describe("a report of ten thousand calls", () => {
  it.scoped("is loaded in under a second", () =>
    withRuns(
      many(10_000),
      Effect.gen(function*() {
        const times: Array<number> = []
        for (let i = 0; i < 5 && Math.min(...times) >= 1_000; i++) {
          const began = process.cpuUsage()
          const report = yield* load(ids.main)
          // what it takes of a processor, not of the clock: other tests share both
          const { system, user } = process.cpuUsage(began)
          times.push((system + user) / 1_000)
          assert.strictEqual(report.calls.length, 10_000)
        }
        assert.isBelow(Math.min(...times), 1_000)
      })
    ), 60_000)
})
