/**
 * Runs for the tests of reports, stored as the engine stores them, with every id and time the same each time.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { callId } from "open-agent-workflows/domain/Ids"
import * as LoadReport from "open-agent-workflows/report/LoadReport"
import type { RunReport } from "open-agent-workflows/report/RunReport"
import { Owner } from "open-agent-workflows/store/Owner"
import type { StoreError } from "open-agent-workflows/store/RunStore"
import { RunStore } from "open-agent-workflows/store/RunStore"
import type * as RunStores from "open-agent-workflows/store/RunStore"
import * as SqlRunStore from "open-agent-workflows/store/SqlRunStore"
import { hex } from "../../src/internal/sha256.ts"
import {
  answered,
  ended,
  finished,
  nano,
  newAttempt,
  newCall,
  newRun,
  outcome,
  runId,
  start,
  temporary
} from "../lib/store.ts"

/** A store whose runs are all owned by a process that lives. */
export const store = (home: string, mode: "read" | "write" = "write"): Layer.Layer<RunStore, StoreError> =>
  Layer.provide(
    SqlRunStore.layer({ home, mode }),
    Layer.succeed(Owner, {
      self: { pid: 1, startedAt: "0", system: "test", host: "test" },
      check: () => Effect.succeed("alive")
    })
  )

/** Texts of the kind that end up in prompts and answers, and break a page that is not careful. */
export const hostile =
  "<script>alert(1)</script> | `code` ](javascript:alert(2)) ![x](http://evil/) <!-- </details> \u202Egnp.exe\n# not a heading\n\n| a | b |\n```\nnot the end\n````\n@everyone #1 \u0000\u0007"

const [earlier, main, child] = [runId(1), runId(2), runId(3)]

export const ids = { earlier, main, child } as const

const at = (seconds: number): number => start + seconds * 1000

const opts = (parts: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ isolation: "none", model: "fake-1", provider: "fake", ...parts })

const patch = `diff --git a/src/a|b.ts b/src/a|b.ts
index 1111111..2222222 100644
--- a/src/a|b.ts
+++ b/src/a|b.ts
@@ -1,2 +1,2 @@
-const a = 1
+const a = 2
 export { a }
`

/** One earlier run, and one run with something of everything and a run below it. */
export const fill: Effect.Effect<void, unknown, RunStore> = Effect.gen(function*() {
  const store = yield* RunStore
  yield* earlierRun(store)
  const { ownership } = yield* store.create(
    newRun(main, {
      workflowName: "review",
      workflowDescription: "Reviews a pull request",
      scriptPath: "/project/flows/review.ts",
      scriptHash: hex("script"),
      argsJson: `{"pr":7,"title":"Fix | the <table>"}`,
      budget: { tokens: 100_000, cost: nano(2_000_000_000) },
      at: at(0)
    }),
    null
  )
  const event = (seconds: number, type: string, message: string, data: unknown = null) =>
    store.event(ownership, {
      runId: main,
      index: null,
      runAttempt: 1,
      type,
      message,
      dataJson: data === null ? null : JSON.stringify(data),
      at: at(seconds)
    })
  yield* event(0, "run_started", "review", {
    owfVersion: "0.1.0",
    node: "v20.19.0",
    gitCommit: "0123456789abcdef0123456789abcdef01234567",
    gitBranch: "main"
  })
  yield* event(0, "schema", hex("schema"), { type: "object", properties: { n: { type: "integer" } }, required: ["n"] })
  yield* event(0.1, "phase", "gather")
  yield* hit(store, ownership)
  yield* retried(store, ownership)
  yield* event(20, "phase", "review | <b>\"all\"</b>")
  yield* event(20, "log", "read 3 files\nin two folders", { files: 3 })
  yield* plain(store, ownership)
  yield* unfit(store, ownership)
  yield* isolated(store, ownership)
  yield* degraded(store, ownership)
  yield* lost(store, ownership)
  yield* event(62, "waiting", "sign-off: waiting for approval", { name: "sign-off", question: "Ship it?" })
  yield* store.ask({ runId: main, name: "sign-off", question: "Ship it?", at: at(62) })
  yield* store.decide({ runId: main, name: "sign-off", decision: "approved", message: "looks good", at: at(70) })
  yield* event(70, "step", "sign-off:answer@0#0", { value: "{\"approved\":true,\"message\":\"looks good\"}" })
  yield* childRun(store, ownership)
  yield* store.finish(
    ownership,
    finished(main, {
      status: "degraded",
      outputJson: `{"findings":[{"file":"src/a|b.ts","why":"<b>1</b>"}],"count":1}`,
      at: at(90)
    })
  )
})

/** The report of that run. */
export const reported: Effect.Effect<RunReport, unknown, Scope.Scope> = Effect.flatMap(
  temporary,
  (home) =>
    Effect.provide(
      Effect.gen(function*() {
        yield* TestClock.setTime(at(100))
        yield* fill
        const report = yield* LoadReport.load(main, { owfVersion: "0.1.0" })
        return { ...report, home: "/home", directory: `/home/runs/${main}` }
      }),
      store(home)
    )
)

/** A run of many calls: each has a prompt and an answer of some hundred characters, and one request. */
export const many = (calls: number): Effect.Effect<void, unknown, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const { ownership } = yield* store.create(newRun(main, { workflowName: "wide" }), null)
    const text = "A sentence that stands for what an agent says. ".repeat(5)
    yield* Effect.forEach(
      Array.from({ length: calls }, (_, i) => i + 1),
      (index) =>
        Effect.zipRight(
          store.begin(
            ownership,
            newCall(main, index, {
              prompt: `${index}: ${text}`,
              phase: `phase ${index % 5}`,
              optsJson: opts({ system: "Be brief." })
            }),
            newAttempt(main, index)
          ),
          store.settle(ownership, ended(main, index), outcome(main, index, { outputText: `${text}${index}` }))
        ),
      { concurrency: 256, discard: true }
    )
    yield* store.finish(ownership, finished(main))
  })

// -----------------------------------------------------------------------------
// the calls of the run
// -----------------------------------------------------------------------------

type Store = RunStore["Type"]

const lintPrompt = "Which of the files break a lint rule?"

const earlierRun = (store: Store) =>
  Effect.gen(function*() {
    const { ownership } = yield* store.create(newRun(earlier, { workflowName: "review", at: at(-3600) }), null)
    yield* answered(store, ownership, earlier, 1, {
      call: { label: "lint", prompt: lintPrompt, optsJson: opts() },
      outcome: { outputText: "None." }
    })
    yield* answered(store, ownership, earlier, 2, {
      call: { label: "types", prompt: "Which types are wrong?", model: "fake-0", optsJson: opts({ model: "fake-0" }) }
    })
    yield* store.finish(ownership, finished(earlier, { at: at(-3590) }))
  })

const hit = (store: Store, ownership: RunStores.Ownership) =>
  store.record(
    ownership,
    newCall(main, 1, {
      label: "lint",
      phase: "gather",
      prompt: lintPrompt,
      callKey: hex("key 1"),
      optsJson: opts(),
      cacheStatus: "hit",
      at: at(0.2)
    }),
    outcome(main, 1, {
      prompt: lintPrompt,
      outputText: "None.",
      attempts: 0,
      usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
      cost: nano(0),
      durationMs: 0,
      at: at(0.2)
    }),
    callId(earlier, 1)
  )

const history = (changes: Readonly<Record<string, { readonly times: number; readonly waitedMs: number }>>) => ({
  ...Object.fromEntries(
    ["retry", "reset", "correct", "compact", "reframe"].map((rung) => [rung, { times: 0, waitedMs: 0 }])
  ),
  ...changes
})

const retried = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const until = new Date(at(12)).toISOString()
    const recovery = (stands: string | null) =>
      JSON.stringify({
        history: history({ retry: { times: 1, waitedMs: 10_000 } }),
        sessionFrom: 1,
        isCompacting: false,
        until: stands
      })
    yield* store.begin(
      ownership,
      newCall(main, 2, {
        label: "types",
        phase: "gather",
        prompt: "Which types are wrong?",
        callKey: hex("types with fake-1"),
        optsJson: opts({ schema: hex("schema"), system: "You are terse.", temperature: 0 }),
        settingsJson: `{"timeoutMs":60000,"metadata":{"team":"core"}}`,
        schemaHash: hex("schema"),
        at: at(0.2)
      }),
      newAttempt(main, 2, { at: at(1) })
    )
    yield* store.stand(
      ownership,
      ended(main, 2, {
        status: "failed",
        usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
        cost: nano(0),
        errorKind: "RateLimited",
        error: "429: slow down",
        at: at(2)
      }),
      {
        runId: main,
        index: 2,
        status: "waiting",
        recoveryJson: recovery(until),
        event: { type: "call_waiting", message: `retry 1; until ${until}: 429: slow down`, dataJson: recovery(until) },
        at: at(2)
      }
    )
    yield* store.stand(ownership, null, {
      runId: main,
      index: 2,
      status: "running",
      recoveryJson: recovery(null),
      event: { type: "call_recovering", message: "retry 1", dataJson: recovery(null) },
      at: at(12)
    })
    yield* store.retry(ownership, null, newAttempt(main, 2, { attempt: 2, at: at(12) }))
    yield* store.session(ownership, { runId: main, index: 2 }, 2, "session-2")
    yield* store.settle(
      ownership,
      ended(main, 2, { attempt: 2, sessionId: "session-2", at: at(18) }),
      outcome(main, 2, {
        prompt: "Which types are wrong?",
        outputText: "```json\n{\"n\": 2}\n```",
        outputJson: "{\"n\":2}",
        attempts: 2,
        durationMs: 17_800,
        at: at(18)
      })
    )
  })

const second = "review | <b>\"all\"</b>"

const plain = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    yield* store.begin(
      ownership,
      newCall(main, 3, { label: hostile, phase: second, prompt: hostile, optsJson: opts(), at: at(20) }),
      newAttempt(main, 3, { at: at(20) })
    )
    yield* store.settle(
      ownership,
      ended(main, 3, { at: at(25) }),
      outcome(main, 3, { prompt: hostile, outputText: hostile, durationMs: 5_000, at: at(25) })
    )
  })

const unfit = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const prompt = "How many findings are there?"
    yield* store.begin(
      ownership,
      newCall(main, 4, {
        label: null,
        phase: second,
        prompt,
        schemaHash: hex("schema"),
        optsJson: opts({ schema: hex("schema") }),
        at: at(20)
      }),
      newAttempt(main, 4, { at: at(21) })
    )
    yield* store.settle(
      ownership,
      ended(main, 4, {
        status: "failed",
        errorKind: "SchemaInvalid",
        error: "n is missing",
        raw: "{\"m\": \"<i>\"}",
        at: at(30)
      }),
      outcome(main, 4, {
        prompt,
        status: "schema_failed",
        outputText: null,
        validationErrorsJson: `[{"path":"$.n","message":"is missing | <b>"}]`,
        errorKind: "SchemaInvalid",
        error: "The answer does not fit the schema: $.n is missing",
        durationMs: 10_000,
        at: at(30)
      })
    )
  })

const isolated = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const prompt = "Correct the types."
    yield* store.begin(
      ownership,
      newCall(main, 5, {
        label: "fix",
        phase: second,
        prompt,
        isolation: "worktree",
        cacheStatus: "bypassed",
        agentType: "coder",
        optsJson: opts({ isolation: "worktree", writeScope: ["src"] }),
        at: at(30)
      }),
      newAttempt(main, 5, { at: at(31) })
    )
    yield* store.settle(
      ownership,
      ended(main, 5, { at: at(50) }),
      outcome(main, 5, {
        prompt,
        outputText: "Done: `a` is **2** now.",
        durationMs: 20_000,
        evidence: {
          worktreePath: "/project/.workflows/worktrees/5",
          worktreeBranch: "owf/review/5",
          baseCommit: "0123456789abcdef0123456789abcdef01234567",
          headCommit: "fedcba9876543210fedcba9876543210fedcba98",
          changedFilesJson: JSON.stringify([
            { kind: "modified", path: "src/a|b.ts", from: null },
            { kind: "renamed", path: "src/<new>.ts", from: "src/old`.ts" },
            { kind: "added", path: "src/\u202Etxt.exe", from: null }
          ]),
          scopeBefore: null,
          scopeAfter: null,
          patch,
          isPatchCut: false,
          warnings: ["a file outside of the write scope was left as it was"]
        },
        at: at(50)
      })
    )
  })

const degraded = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const prompt = "Summarise the review."
    yield* store.begin(
      ownership,
      newCall(main, 6, { label: "summary", phase: second, prompt, optsJson: opts(), at: at(50) }),
      newAttempt(main, 6, { at: at(50) })
    )
    yield* store.settle(
      ownership,
      ended(main, 6, {
        status: "failed",
        errorKind: "Overloaded",
        error: "503",
        cost: null,
        costSource: null,
        at: at(55)
      }),
      outcome(main, 6, {
        prompt,
        status: "provider_failed",
        outputText: null,
        errorKind: "Overloaded",
        error: "503: the provider is overloaded",
        cost: null,
        durationMs: 5_000,
        at: at(55)
      })
    )
    yield* store.degrade(ownership, {
      runId: main,
      index: 6,
      outputJson: "{\"summary\":\"none\"}",
      reason: "the provider is overloaded",
      artifact: { kind: "output_json", sha256: hex("{\"summary\":\"none\"}"), sizeBytes: 18 },
      at: at(55)
    })
  })

const lost = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const prompt = "Look at the tests."
    yield* store.begin(
      ownership,
      newCall(main, 7, { label: "tests", phase: second, prompt, optsJson: opts(), at: at(55) }),
      newAttempt(main, 7, { at: at(55) })
    )
    yield* store.settle(
      ownership,
      ended(main, 7, {
        status: "lost",
        cost: null,
        costSource: null,
        errorKind: null,
        error: "interrupted",
        at: at(60)
      }),
      outcome(main, 7, {
        prompt,
        cost: null,
        status: "cancelled",
        outputText: null,
        errorKind: "Cancelled",
        error: "interrupted",
        durationMs: 5_000,
        at: at(60)
      })
    )
  })

const childRun = (store: Store, ownership: RunStores.Ownership) =>
  Effect.gen(function*() {
    const parent = { runId: main, rootRunId: main, childKey: "child", ordinal: 0 }
    const made = yield* store.create(
      newRun(child, { parent, depth: 1, workflowName: "announce", provider: "other", model: "m-1", at: at(72) }),
      ownership
    )
    yield* store.begin(
      made.ownership,
      newCall(child, 1, {
        label: "post",
        provider: "other",
        model: "m-1",
        optsJson: opts({ provider: "other" }),
        at: at(72)
      }),
      newAttempt(child, 1, { at: at(72) })
    )
    yield* store.settle(
      made.ownership,
      ended(child, 1, { model: "m-1", at: at(80) }),
      outcome(child, 1, { outputText: "Posted.", durationMs: 8_000, at: at(80) })
    )
    yield* store.finish(made.ownership, finished(child, { outputJson: "null", at: at(80) }))
  })
