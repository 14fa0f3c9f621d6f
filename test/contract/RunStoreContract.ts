import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { RunId } from "open-agent-workflows/domain/Ids"
import { callId } from "open-agent-workflows/domain/Ids"
import { FailPoint } from "open-agent-workflows/store/FailPoint"
import type { Owner } from "open-agent-workflows/store/Owner"
import { RunStore } from "open-agent-workflows/store/RunStore"
import type { CallStanding, DegradedCall, StoreError } from "open-agent-workflows/store/RunStore"
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
  temporary,
  usage
} from "../lib/store.ts"

/** What processes a test pretends there are: owners by their id, alive unless said otherwise. */
export class Processes {
  readonly states = new Map<number, "alive" | "dead" | "unknown">()

  owner(pid: number): Owner["Type"] {
    return {
      self: { pid, startedAt: `start of ${pid}`, system: "here", host: "machine" },
      check: (owner) => Effect.sync(() => this.states.get(owner.pid) ?? "alive")
    }
  }
}

/** How an adapter is opened on a home, for an owner. */
export type Open = (home: string, owner: Owner["Type"]) => Layer.Layer<RunStore, StoreError>

/** What a test has: a home, processes, and stores opened for them. */
const world = (open: Open) =>
  Effect.gen(function*() {
    const home = yield* temporary
    const scope = yield* Effect.scope
    const processes = new Processes()
    const openAs = (pid: number) =>
      Layer.buildWithScope(open(home, processes.owner(pid)), scope).pipe(
        Effect.map(Context.get(RunStore))
      )
    return { home, processes, openAs, store: yield* openAs(1) }
  })

const id = runId(1)

export const suite = (name: string, open: Open): void => {
  describe(`RunStore: ${name}`, () => {
    describe("runs", () => {
      it.scoped("a new run is stored whole and owned by this process", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const journal = yield* store.create(
            newRun(id, {
              workflowDescription: "Labels",
              scriptPath: "/w.ts",
              scriptHash: "abc",
              argsJson: "{\"a\":1}",
              model: "m",
              cachePolicy: "refresh",
              budget: { tokens: 5000, cost: nano(2_500_000_001) }
            }),
            null
          )
          assert.deepStrictEqual(journal.calls, [])
          assert.deepStrictEqual(journal.children, [])
          assert.deepStrictEqual(journal.spent, { tokens: 0, cost: nano(0) })
          assert.strictEqual(journal.ownership.rootRunId, id)
          assert.deepStrictEqual(journal.run, {
            id,
            rootRunId: id,
            parentRunId: null,
            workflowName: "classify",
            workflowDescription: "Labels",
            scriptPath: "/w.ts",
            scriptHash: "abc",
            argsJson: "{\"a\":1}",
            outputJson: null,
            status: "running",
            attempt: 1,
            depth: 0,
            provider: "fake",
            model: "m",
            cachePolicy: "refresh",
            budgetTotalTokens: 5000,
            budgetSpentTokens: 0,
            budgetTotalCostUsd: 2.500000001,
            budgetSpentCostUsd: 0,
            errorKind: null,
            errorMessage: null,
            createdAt: "2026-05-28T14:32:01.250Z",
            startedAt: "2026-05-28T14:32:01.250Z",
            completedAt: null,
            updatedAt: "2026-05-28T14:32:01.250Z"
          })
          assert.deepStrictEqual(yield* store.run(id), journal.run)
        }))

      it.scoped("an id is stored once", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          yield* store.create(newRun(id), null)
          const error = yield* Effect.flip(store.create(newRun(id), null))
          assert.deepInclude(error, { _tag: "StoreError", reason: "Invalid" })
        }))

      it.scoped("are found by their id, by what it begins with, or as the latest root run", () =>
        Effect.gen(function*() {
          const { home, store } = yield* world(open)
          const none = yield* Effect.flip(store.run("latest"))
          assert.deepInclude(none, { _tag: "RunNotFound", runId: "latest" })
          const { ownership } = yield* store.create(newRun(runId(1)), null)
          yield* store.create(newRun(runId(2)), null)
          const parent = { runId: runId(1), rootRunId: runId(1), childKey: "c", ordinal: 0 }
          yield* store.create(newRun(runId(3), { parent, depth: 1 }), ownership)
          assert.strictEqual((yield* store.run("latest")).id, runId(2))
          assert.strictEqual((yield* store.run("20260528-143202")).id, runId(2))
          assert.strictEqual((yield* store.run(runId(3))).parentRunId, runId(1))
          for (const several of ["2026", "20260528", "20260528-1432"]) {
            const error = yield* Effect.flip(store.run(several))
            assert.deepInclude(error, { _tag: "RunNotFound", runId: several, home })
            assert.deepInclude(error, { nearest: [runId(3), runId(2), runId(1)] })
            assert.include(error.message, `Several runs in ${home} have an id that begins with ${several}, such as `)
          }
          const typo = yield* Effect.flip(store.run(runId(2).replace("sj0", "sjo")))
          assert.include(typo.message, `There is no run ${runId(2).replace("sj0", "sjo")} in ${home}. Did you mean `)
          assert.include(typo.message, runId(2))
          const wild = yield* Effect.flip(store.run("20260528-14320_-%"))
          assert.strictEqual(wild._tag, "RunNotFound")
        }))

      it.scoped("are found by any beginning of four characters that only one of them has", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          yield* store.create(newRun(runId(1)), null)
          for (const length of [4, 7, 8, 20]) {
            assert.strictEqual((yield* store.run(runId(1).slice(0, length))).id, runId(1))
          }
          for (const other of ["202", "2025", ""]) {
            assert.strictEqual((yield* Effect.flip(store.run(other)))._tag, "RunNotFound")
          }
        }))

      it.scoped("are suggested by their names too", () =>
        Effect.gen(function*() {
          const { home, store } = yield* world(open)
          yield* store.create(newRun(runId(1), { alias: "review-default" }), null)
          assert.strictEqual((yield* store.run("review-default")).id, runId(1))
          for (const asked of ["review-defalt", "review"]) {
            const error = yield* Effect.flip(store.run(asked))
            assert.strictEqual(error.message, `There is no run ${asked} in ${home}. Did you mean review-default?`)
          }
        }))

      it.scoped("are listed newest first, children when asked for", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(runId(1)), null)
          yield* store.create(newRun(runId(2)), null)
          for (const [child, childKey] of [[runId(3), "a"], [runId(4), "b"]] as const) {
            const parent = { runId: runId(1), rootRunId: runId(1), childKey, ordinal: 0 }
            yield* store.create(newRun(child, { parent, depth: 1 }), ownership)
          }
          const ids = (runs: ReadonlyArray<{ readonly id: RunId }>) => runs.map((run) => run.id)
          assert.deepStrictEqual(ids(yield* store.runs({})), [runId(2), runId(1)])
          assert.deepStrictEqual(ids(yield* store.runs({ limit: 1 })), [runId(2)])
          assert.deepStrictEqual(ids(yield* store.runs({ children: true })), [4, 3, 2, 1].map(runId))
          assert.deepStrictEqual(ids(yield* store.children(runId(1))), [runId(3), runId(4)])
        }))

      it.scoped("a finished run is free, has its output, and says what was replayed", () =>
        Effect.gen(function*() {
          const { openAs, store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* answered(store, ownership, id, 1)
          yield* store.finish(ownership, finished(id, { status: "failed", errorKind: "E", errorMessage: "no" }))
          assert.deepInclude(yield* store.run(id), {
            status: "failed",
            errorKind: "E",
            errorMessage: "no",
            completedAt: "2026-05-28T14:32:02.250Z"
          })
          const other = yield* openAs(2)
          const again = yield* other.acquire(id, { at: start + 2000 })
          assert.deepInclude(again.run, { status: "running", attempt: 2, errorKind: null, completedAt: null })
          yield* other.finish(again.ownership, finished(id, { outputJson: "[1]", replayed: [1] }))
          assert.deepInclude(yield* store.run(id), { status: "done", outputJson: "[1]", attempt: 2 })
          const [call] = yield* store.calls(id)
          assert.deepInclude(call, { cacheStatus: "replayed", runAttempt: 2 })
          const late = yield* Effect.flip(other.event(again.ownership, event(id, "late")))
          assert.deepInclude(late, { _tag: "OwnershipLost", runId: id })
        }))
    })

    describe("calls", () => {
      it.scoped("go from intent to end, with their requests, files and event", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const call = callId(id, 1)
          yield* store.begin(ownership, newCall(id, 1, { label: null, phase: "one" }), newAttempt(id, 1))
          assert.deepInclude(Option.getOrThrow(yield* store.call(call)), {
            id: call,
            status: "running",
            prompt: "prompt 1",
            phase: "one",
            completedAt: null,
            durationMs: null
          })
          yield* store.session(ownership, { runId: id, index: 1 }, 1, "session-1")
          yield* store.retry(
            ownership,
            ended(id, 1, { status: "failed", errorKind: "Overloaded", error: "busy", raw: "half" }),
            newAttempt(id, 1, { attempt: 2, reserved: { tokens: 7, cost: nano(9) } })
          )
          const requests = yield* store.attempts(call)
          assert.deepInclude(requests[0], {
            callId: call,
            attempt: 1,
            status: "failed",
            reservedTokens: 1000,
            reservedCostUsd: 0.000005,
            inputTokens: 100,
            costUsd: 0.000001234,
            sessionId: "session-1",
            errorKind: "Overloaded",
            raw: "half",
            completedAt: "2026-05-28T14:32:01.260Z"
          })
          assert.deepInclude(requests[1], { attempt: 2, status: "running", costUsd: null, completedAt: null })
          const error = "not what was asked for"
          yield* store.settle(
            ownership,
            ended(id, 1, { attempt: 2, sessionId: "session-2" }),
            outcome(id, 1, { attempts: 2, status: "schema_failed", error, outputText: null })
          )
          assert.deepInclude(Option.getOrThrow(yield* store.call(call)), {
            status: "schema_failed",
            error,
            attempts: 2,
            inputTokens: 100,
            outputTokens: 20,
            estimatedCostUsd: 0.000001234,
            durationMs: 10.5,
            completedAt: "2026-05-28T14:32:01.260Z"
          })
          assert.strictEqual((yield* store.attempts(call))[1]?.sessionId, "session-2")
          assert.deepStrictEqual((yield* store.artifacts(id)).map(({ kind, path, sha256 }) => [kind, path, sha256]), [
            ["error", `calls/${call}/error.txt`, hex(error)],
            ["prompt", `calls/${call}/prompt.txt`, hex("prompt 1")]
          ])
          assert.deepInclude((yield* store.events(id))[0], { callId: call, message: "schema_failed", runAttempt: 1 })
          assert.deepStrictEqual(yield* store.settledAfter(id, 0, 10), [{
            cursor: 1,
            index: 1,
            prompt: "prompt 1",
            outputText: null,
            outputJson: null,
            raw: null,
            error,
            patch: null
          }])
        }))

      it.scoped("a run is forgotten with everything below it, and no other", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const parent = { runId: id, rootRunId: id, childKey: hex("child"), ordinal: 0 }
          yield* store.create(newRun(runId(2), { parent, depth: 1 }), ownership)
          yield* answered(store, ownership, id, 1)
          yield* answered(store, ownership, runId(2), 1, { call: { callKey: hex("below") } })
          yield* store.ask({ runId: id, name: "gate", question: null, at: start })
          const other = yield* store.create(newRun(runId(3)), null)
          yield* answered(store, other.ownership, runId(3), 1, { call: { callKey: hex("other") } })
          yield* store.finish(other.ownership, finished(runId(3)))

          const owned = yield* Effect.flip(store.forget(id, start))
          assert.strictEqual(owned._tag, "RunOwned")
          yield* store.finish(ownership, finished(id))
          assert.strictEqual((yield* Effect.flip(store.forget(runId(2), start)))._tag, "StoreError")
          yield* store.forget(id, start)
          assert.deepStrictEqual((yield* store.runs({ children: true })).map((run) => run.id), [runId(3)])
          for (const key of ["key 1", "below"]) assert.isTrue(Option.isNone(yield* store.lookup(hex(key), 0)))
          assert.isTrue(Option.isSome(yield* store.lookup(hex("other"), 0)))
          assert.deepStrictEqual(yield* store.events(id), [])
          assert.strictEqual((yield* Effect.flip(store.run(id)))._tag, "RunNotFound")
          // the name is free again
          yield* store.create(newRun(id), null)
          assert.deepStrictEqual(yield* store.calls(id), [])
        }))

      it.scoped("what a call changed is stored with it, and gone when the call is made again", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const call = callId(id, 1)
          const patch = "diff --git a/é b/é\n"
          const recorded = {
            worktreePath: "/trees/1",
            worktreeBranch: "owf/run/1",
            baseCommit: "a".repeat(40),
            headCommit: "b".repeat(40),
            changedFilesJson: JSON.stringify([{ kind: "renamed", path: "é", from: "e" }]),
            scopeBefore: hex("before"),
            scopeAfter: hex("after")
          }
          const evidence = { ...recorded, patch, isPatchCut: true, warnings: ["one", "two"] }
          const artifact = { kind: "patch", sha256: hex(patch), sizeBytes: Buffer.byteLength(patch) } as const
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          yield* store.settle(ownership, ended(id, 1), outcome(id, 1, { evidence, artifacts: [artifact] }))
          assert.deepInclude(Option.getOrThrow(yield* store.call(call)), {
            worktreePath: "/trees/1",
            worktreeBranch: "owf/run/1",
            baseCommit: recorded.baseCommit,
            headCommit: recorded.headCommit,
            changedFiles: [{ kind: "renamed", path: "é", from: "e" }]
          })
          assert.deepStrictEqual(yield* store.patch(call), { text: patch, isCut: true })
          assert.deepStrictEqual((yield* store.settledAfter(id, 0, 10))[0]?.patch, patch)
          assert.deepStrictEqual((yield* store.artifacts(id)).map(({ path }) => path), [`calls/${call}/patch.diff`])
          assert.deepStrictEqual(
            (yield* store.events(id)).map(({ callId, message, type }) => [callId, type, message]),
            [
              [call, "call_warning", "one"],
              [call, "call_warning", "two"],
              [call, "call_settled", "done"]
            ]
          )
          yield* store.finish(ownership, finished(id))

          const again = yield* store.acquire(id, { at: start })
          assert.deepStrictEqual(again.calls[0]?.evidence, recorded)
          yield* store.begin(again.ownership, newCall(id, 1, { replaces: true }), newAttempt(id, 1, { attempt: 2 }))
          assert.deepInclude(Option.getOrThrow(yield* store.call(call)), {
            worktreePath: null,
            worktreeBranch: null,
            baseCommit: null,
            headCommit: null,
            changedFiles: null
          })
          assert.deepStrictEqual(yield* store.patch(call), { text: null, isCut: false })
          assert.deepStrictEqual(yield* store.artifacts(id), [])
        }))

      it.scoped("a request may be ended before the next one is decided on, or given up", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          yield* store.retry(ownership, ended(id, 1, { status: "lost", usage: { ...usage, inputTokens: 0 } }), null)
          yield* store.retry(ownership, null, newAttempt(id, 1, { attempt: 2 }))
          const states = (yield* store.attempts(callId(id, 1))).map(({ status }) => status)
          assert.deepStrictEqual(states, ["lost", "running"])
          const run = yield* store.run(id)
          assert.deepInclude(run, { budgetSpentTokens: 1000, budgetSpentCostUsd: 0.000005 })
        }))

      it.scoped("that were not begun or are settled already cannot be settled", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const absent = yield* Effect.flip(store.settle(ownership, null, outcome(id, 9)))
          assert.deepInclude(absent, { _tag: "StoreError", reason: "Invalid" })
          yield* answered(store, ownership, id, 1)
          const twice = yield* Effect.flip(store.settle(ownership, null, outcome(id, 1, { outputText: "other" })))
          assert.deepInclude(twice, { _tag: "StoreError", reason: "Invalid" })
          assert.deepStrictEqual(yield* store.output(callId(id, 1)), { text: "answer 1", json: null })
          assert.lengthOf(yield* store.events(id), 1)
        }))

      it.scoped("S2: a write that cannot be made changes nothing and does not fail its neighbours", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 5), null)
          const exits = yield* Effect.forEach(
            Array.from({ length: 40 }, (_, i) => i + 1),
            (index) => Effect.exit(store.begin(ownership, newCall(id, index), newAttempt(id, index))),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(exits.flatMap((exit, i) => Exit.isFailure(exit) ? [i + 1] : []), [5])
          assert.lengthOf(yield* store.calls(id), 40)
          assert.lengthOf(yield* store.attempts(callId(id, 5)), 0)
          assert.lengthOf(yield* store.attempts(callId(id, 6)), 1)
        }))

      it.scoped("made again keep their place and lose what the earlier try left", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          const failed = { status: "provider_failed", error: "gone", outputText: null } as const
          yield* store.settle(ownership, ended(id, 1), outcome(id, 1, failed))
          yield* store.begin(
            ownership,
            newCall(id, 1, { replaces: true, runAttempt: 2, at: start + 500 }),
            newAttempt(id, 1, { attempt: 2 })
          )
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), {
            status: "running",
            error: null,
            attempts: 0,
            inputTokens: 0,
            estimatedCostUsd: null,
            completedAt: null,
            runAttempt: 2
          })
          assert.lengthOf(yield* store.artifacts(id), 0)
          yield* store.settle(ownership, ended(id, 1, { attempt: 2 }), outcome(id, 1, { attempts: 2 }))
          assert.deepStrictEqual(
            (yield* store.artifacts(id)).map(({ kind }) => kind).toSorted(),
            ["output_text", "prompt"]
          )
          assert.lengthOf(yield* store.attempts(callId(id, 1)), 2)
        }))

      it.scoped("stand as waiting until they are asked again, and show until when", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          yield* store.stand(ownership, ended(id, 1, { status: "failed" }), standing(id, 1, "waiting"))
          const until = "2026-05-28T19:00:00.000Z"
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), {
            status: "waiting",
            waitingUntil: until,
            recoveryJson: `{"until":"${until}"}`
          })
          assert.deepInclude((yield* store.attempts(callId(id, 1)))[0], { status: "failed" })
          assert.deepInclude((yield* store.events(id))[0], { type: "call_waiting", callId: callId(id, 1) })
          // the run waits as long as all of its open calls do
          assert.strictEqual((yield* store.run(id)).status, "waiting")
          yield* store.begin(ownership, newCall(id, 2), newAttempt(id, 2))
          assert.strictEqual((yield* store.run(id)).status, "running")
          yield* store.settle(ownership, ended(id, 2), outcome(id, 2))
          assert.strictEqual((yield* store.run(id)).status, "waiting")
          yield* store.stand(ownership, null, standing(id, 1, "running"))
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), {
            status: "running",
            waitingUntil: null
          })
          assert.strictEqual((yield* store.run(id)).status, "running")
          // a wait can be cut off, and the call made again keeps what it is told to
          yield* store.stand(ownership, null, standing(id, 1, "waiting"))
          yield* store.settle(ownership, null, outcome(id, 1, { status: "cancelled", outputText: null }))
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), {
            status: "cancelled",
            waitingUntil: until
          })
          yield* store.begin(ownership, newCall(id, 1, { replaces: true, recoveryJson: "{}" }), null)
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), { recoveryJson: "{}" })
          yield* store.settle(ownership, null, outcome(id, 1))
          const late = yield* Effect.flip(store.stand(ownership, null, standing(id, 1, "waiting")))
          assert.deepInclude(late, { _tag: "StoreError", reason: "Invalid" })
        }))

      it.scoped("that failed can have a declared value, which no cache shows and no answer loses", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          const early = yield* Effect.flip(store.degrade(ownership, degraded(id, 1)))
          assert.deepInclude(early, { _tag: "StoreError", reason: "Invalid" })
          const failed = { status: "provider_failed", error: "gone", outputText: null } as const
          yield* store.settle(ownership, ended(id, 1), outcome(id, 1, failed))
          // a resumed run may do so again
          for (const _ of [1, 2]) yield* store.degrade(ownership, degraded(id, 1))
          assert.deepInclude(Option.getOrThrow(yield* store.call(callId(id, 1))), {
            status: "degraded",
            outputJson: "null",
            error: "gone",
            inputTokens: 100
          })
          assert.deepStrictEqual(
            (yield* store.artifacts(id)).map(({ kind }) => kind).toSorted(),
            ["error", "output_json", "prompt"]
          )
          assert.deepInclude((yield* store.settledAfter(id, 1, 10))[0], { outputJson: "null", error: "gone" })
          const reasons = (yield* store.events(id, { type: "call_degraded" })).map(({ message }) => message)
          assert.deepStrictEqual(reasons, ["nobody answered", "nobody answered"])
          yield* answered(store, ownership, id, 2)
          const done = yield* Effect.flip(store.degrade(ownership, degraded(id, 2)))
          assert.deepInclude(done, { _tag: "StoreError", reason: "Invalid" })
        }))

      it.scoped("may have texts of any size and content", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const prompt = "\u0000\ud83d\ude00 'quoted' \u2028 ; DROP TABLE calls; --".repeat(20_000)
          const json = JSON.stringify({ prompt })
          yield* answered(store, ownership, id, 1, {
            call: { prompt },
            outcome: { outputText: prompt, outputJson: json }
          })
          assert.deepStrictEqual(yield* store.output(callId(id, 1)), { text: prompt, json })
          assert.strictEqual(Option.getOrThrow(yield* store.call(callId(id, 1))).prompt, prompt)
        }))

      it.scoped("are read in order of their index, and ids that name none are none", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          for (const index of [10_001, 3, 12]) yield* store.begin(ownership, newCall(id, index), null)
          assert.deepStrictEqual(
            (yield* store.calls(id)).map(({ id }) => id),
            [3, 12, 10_001].map((i) => callId(id, i))
          )
          assert.isTrue(Option.isNone(yield* store.call(callId(id, 4))))
          assert.isTrue(Option.isNone(yield* store.call("../../etc/passwd")))
          assert.deepStrictEqual(yield* store.output(callId(id, 4)), { text: null, json: null })
        }))
    })

    describe("events", () => {
      it.scoped("keep their order and can be read from where one stopped", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const names = Array.from({ length: 30 }, (_, i) => `event ${i}`)
          yield* Effect.forEach(names, (name) => store.event(ownership, event(id, name)), { concurrency: "unbounded" })
          const all = yield* store.events(id)
          assert.deepStrictEqual(all.map(({ message }) => message), names)
          assert.deepInclude(all[0], { type: "log", dataJson: "{\"n\":1}", callId: null, runAttempt: 1 })
          const some = yield* store.events(id, { after: all[9]?.id, limit: 5 })
          assert.deepStrictEqual(some.map(({ message }) => message), names.slice(10, 15))
        }))
    })

    describe("S1", () => {
      it.scoped("what was acknowledged is there for another process at once", () =>
        Effect.gen(function*() {
          const { openAs, store } = yield* world(open)
          const other = yield* openAs(2)
          const { ownership } = yield* store.create(newRun(id), null)
          for (let index = 1; index <= 20; index++) {
            yield* answered(store, ownership, id, index)
            assert.strictEqual((yield* other.output(callId(id, index))).text, `answer ${index}`)
          }
        }))

      it.scoped("a write that was interrupted is either whole or was never made", () =>
        Effect.gen(function*() {
          const { store } = yield* world(open)
          const { ownership } = yield* store.create(newRun(id), null)
          const fibers = yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i + 1), (index) =>
            Effect.fork(store.begin(ownership, newCall(id, index), newAttempt(id, index))))
          yield* Effect.forEach(fibers, (fiber, i) =>
            i % 2 === 0 ? Fiber.interruptFork(fiber) : Effect.void)
          const exits = yield* Effect.forEach(fibers, Fiber.await)
          const calls = new Set((yield* store.calls(id)).map(({ index }) => index))
          for (const [i, exit] of exits.entries()) {
            if (Exit.isSuccess(exit)) assert.isTrue(calls.has(i + 1))
            assert.lengthOf(yield* store.attempts(callId(id, i + 1)), calls.has(i + 1) ? 1 : 0)
          }
        }))
    })

    ownership(open)
    money(open)
    reports(open)
    rooms(open)
    sums(open)
    cache(open)
    failPoints(open)
  })
}

// -----------------------------------------------------------------------------
// ownership, money, limits, cache
// -----------------------------------------------------------------------------

const event = (run: RunId, message: string) => ({
  runId: run,
  index: null,
  runAttempt: 1,
  type: "log",
  message,
  dataJson: "{\"n\":1}",
  at: start
})

const ownership = (open: Open) =>
  describe("S3: a run", () => {
    it.scoped("of a live process is refused, and says whose it is", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        yield* store.create(newRun(id), null)
        const error = yield* Effect.flip((yield* openAs(2)).acquire(id, { at: start + 5000 }))
        assert.deepInclude(error, {
          _tag: "RunOwned",
          runId: id,
          pid: 1,
          host: "machine",
          since: "2026-05-28T14:32:01.250Z"
        })
        assert.strictEqual((yield* store.run(id)).attempt, 1)
      }))

    it.scoped("of a dead process is taken at once, and the dead one's writes are refused", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const dead = yield* store.create(newRun(id), null)
        yield* answered(store, dead.ownership, id, 1)
        yield* store.begin(dead.ownership, newCall(id, 2), newAttempt(id, 2))
        processes.states.set(1, "dead")
        const other = yield* openAs(2)
        const taken = yield* other.acquire(id, { at: start + 1 })
        assert.deepStrictEqual(taken.calls.map(({ index, status }) => [index, status]), [[1, "done"], [2, "running"]])
        assert.deepInclude((yield* other.attempts(callId(id, 2)))[0], { status: "lost" })
        const writes = [
          store.begin(dead.ownership, newCall(id, 3), null),
          store.settle(dead.ownership, ended(id, 2), outcome(id, 2)),
          store.record(dead.ownership, newCall(id, 4), outcome(id, 4), null),
          store.retry(dead.ownership, ended(id, 2), null),
          store.stand(dead.ownership, ended(id, 2), standing(id, 2, "waiting")),
          store.degrade(dead.ownership, degraded(id, 2)),
          store.session(dead.ownership, { runId: id, index: 2 }, 1, "s"),
          store.report(dead.ownership, { runId: id, index: 2 }, 1, { usage, cost: null, costSource: null }),
          store.event(dead.ownership, event(id, "stale")),
          store.heartbeat(dead.ownership, start),
          store.finish(dead.ownership, finished(id))
        ]
        for (const error of yield* Effect.forEach(writes, Effect.flip, { concurrency: "unbounded" })) {
          assert.deepInclude(error, { _tag: "OwnershipLost", runId: id })
        }
        assert.strictEqual((yield* other.run(id)).status, "running")
        assert.lengthOf(yield* other.calls(id), 2)
        yield* other.settle(taken.ownership, null, outcome(id, 2))
      }))

    it.scoped("of a process that cannot be seen is taken when its heartbeat is too old", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        const other = yield* openAs(2)
        processes.states.set(1, "unknown")
        yield* store.heartbeat(ownership, start + 20_000)
        const error = yield* Effect.flip(other.acquire(id, { at: start + 49_000 }))
        assert.strictEqual(error._tag, "RunOwned")
        yield* other.acquire(id, { at: start + 50_001 })
      }))

    it.scoped("of a process that gives no sign of life is taken although it is there", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* (yield* openAs(2)).acquire(id, { at: start + 30_001 })
        assert.strictEqual((yield* Effect.flip(store.heartbeat(ownership, start + 30_002)))._tag, "OwnershipLost")
      }))

    it.scoped("that is abandoned is interrupted and free at once", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
        yield* store.abandon(ownership)
        const other = yield* openAs(2)
        assert.strictEqual((yield* other.run(id)).status, "interrupted")
        assert.strictEqual((yield* Effect.flip(store.event(ownership, event(id, "late"))))._tag, "OwnershipLost")
        assert.strictEqual((yield* other.acquire(id, { at: start + 1 })).calls[0]?.status, "running")
      }))

    it.scoped("that was taken again in the same process is left alone by whoever had it before", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        const before = yield* store.create(newRun(id), null)
        yield* answered(store, before.ownership, id, 1)
        const { ownership } = yield* store.acquire(id, { at: start + 30_001 })
        yield* store.abandon(before.ownership)
        assert.strictEqual(
          (yield* Effect.flip(store.heartbeat(before.ownership, start + 30_001)))._tag,
          "OwnershipLost"
        )
        yield* store.event(ownership, { ...event(id, "goes on"), runAttempt: 2 })
        assert.strictEqual((yield* store.events(id)).at(-1)?.message, "goes on")
        const error = yield* Effect.flip((yield* openAs(2)).acquire(id, { at: start + 30_002 }))
        assert.strictEqual(error._tag, "RunOwned")
      }))

    it.scoped("of a dead process is shown as interrupted, its children too", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(runId(1)), null)
        for (const [child, childKey] of [[runId(2), "a"], [runId(3), "b"]] as const) {
          const parent = { runId: runId(1), rootRunId: runId(1), childKey, ordinal: 0 }
          yield* store.create(newRun(child, { parent, depth: 1 }), ownership)
        }
        yield* store.finish(ownership, finished(runId(3)))
        assert.strictEqual((yield* store.run(runId(2))).status, "running")
        processes.states.set(1, "dead")
        const other = yield* openAs(2)
        const shown = (yield* other.runs({ children: true })).map(({ status }) => status)
        assert.deepStrictEqual(shown, ["done", "interrupted", "interrupted"])
        assert.strictEqual((yield* other.children(runId(1)))[0]?.status, "interrupted")
      }))

    it.scoped("that is gone is not found, and a child is resumed with its root", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const missing = yield* Effect.flip(store.acquire(runId(9), { at: start }))
        assert.deepInclude(missing, { _tag: "RunNotFound", runId: runId(9) })
        const { ownership } = yield* store.create(newRun(runId(1)), null)
        const parent = { runId: runId(1), rootRunId: runId(1), childKey: "a", ordinal: 2 }
        const child = yield* store.create(newRun(runId(2), { parent, depth: 1 }), ownership)
        assert.deepInclude(child.run, { rootRunId: runId(1), parentRunId: runId(1), depth: 1, status: "running" })
        yield* answered(store, ownership, runId(2), 1)
        processes.states.set(1, "dead")
        const other = yield* openAs(2)
        const part = yield* Effect.flip(other.acquire(runId(2), { at: start }))
        assert.deepInclude(part, { _tag: "StoreError", reason: "Invalid" })
        const root = yield* other.acquire(runId(1), { at: start })
        assert.deepStrictEqual(root.children, [{ runId: runId(2), childKey: "a", ordinal: 2 }])
        const again = yield* other.acquireChild(runId(2), root.ownership, start + 1)
        assert.deepInclude(again.run, { status: "running", attempt: 2 })
        assert.lengthOf(again.calls, 1)
        const foreign = yield* Effect.flip(other.acquireChild(runId(1), { ...root.ownership, token: "x" }, start))
        assert.strictEqual(foreign._tag, "OwnershipLost")
        yield* other.event(again.ownership, event(runId(2), "goes on"))
        assert.lengthOf(yield* other.events(runId(2)), 2)
      }))

    it.scoped("may be resumed with other settings", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id, { budget: { tokens: 10, cost: nano(10) } }), null)
        yield* store.finish(ownership, finished(id, { status: "waiting" }))
        assert.deepInclude(yield* store.run(id), { status: "waiting", completedAt: null })
        const { run } = yield* store.acquire(id, {
          at: start,
          provider: "other",
          model: "m2",
          scriptHash: "new",
          budget: { tokens: null, cost: nano(2_000_000_000) }
        })
        assert.deepInclude(run, {
          provider: "other",
          model: "m2",
          scriptHash: "new",
          budgetTotalTokens: null,
          budgetTotalCostUsd: 2
        })
      }))

    it.scoped("left by a store that was closed can be taken up at once", () =>
      Effect.gen(function*() {
        const home = yield* temporary
        const processes = new Processes()
        const scope = yield* Scope.make()
        const first = yield* Layer.buildWithScope(open(home, processes.owner(1)), scope)
        yield* Context.get(first, RunStore).create(newRun(id), null)
        yield* Scope.close(scope, Exit.void)
        const second = Context.get(yield* Layer.build(open(home, processes.owner(1))), RunStore)
        assert.strictEqual((yield* second.run(id)).status, "interrupted")
        yield* second.acquire(id, { at: start })
        const closed = yield* Effect.flip(Context.get(first, RunStore).create(newRun(runId(7)), null))
        assert.deepInclude(closed, { _tag: "StoreError", reason: "Io" })
      }))

    it.scoped("loads a journal of ten thousand calls in a moment, leaving large outputs for later", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        const large = "x".repeat(4097)
        yield* Effect.forEach(
          Array.from({ length: 10_000 }, (_, i) => i + 1),
          (index) =>
            store.record(
              ownership,
              newCall(id, index),
              outcome(id, index, { outputText: index === 7 ? large : `answer ${index}` }),
              null
            ),
          { concurrency: 256, discard: true }
        )
        yield* store.finish(ownership, finished(id))
        const real = Clock.make()
        const before = yield* real.currentTimeMillis
        const { calls } = yield* store.acquire(id, { at: start })
        const took = (yield* real.currentTimeMillis) - before
        assert.lengthOf(calls, 10_000)
        assert.deepInclude(calls[0], {
          callId: callId(id, 1),
          outputText: "answer 1",
          partial: false,
          durationMs: 10.5
        })
        assert.deepInclude(calls[6], { outputText: null, partial: true })
        assert.strictEqual((yield* store.output(callId(id, 7))).text, large)
        // a moment is 70 ms on a quiet machine; a busy one may take its time
        assert.isBelow(took, 1000)
      }))
  })

const money = (open: Open) =>
  describe("S4: spending", () => {
    it.scoped("is the sum of the requests, of the children too, lost ones at their reservation", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(runId(1)), null)
        const parent = { runId: runId(1), rootRunId: runId(1), childKey: "a", ordinal: 0 }
        yield* store.create(newRun(runId(2), { parent, depth: 1 }), ownership)
        yield* answered(store, ownership, runId(1), 1)
        yield* answered(store, ownership, runId(2), 1)
        // no price known: what was set aside counts
        yield* store.begin(ownership, newCall(runId(1), 2), newAttempt(runId(1), 2))
        yield* store.settle(ownership, ended(runId(1), 2, { cost: null }), outcome(runId(1), 2, { cost: null }))
        yield* store.begin(ownership, newCall(runId(2), 2), newAttempt(runId(2), 2))
        const running = yield* store.run(runId(1))
        assert.deepInclude(running, { budgetSpentTokens: 360, budgetSpentCostUsd: (1234 * 2 + 5000) / 1e9 })
        assert.strictEqual((yield* store.run(runId(2))).budgetSpentTokens, 120)
        processes.states.set(1, "dead")
        const { run, spent } = yield* (yield* openAs(2)).acquire(runId(1), { at: start })
        assert.deepStrictEqual(spent, { tokens: 1360, cost: nano(1234 * 2 + 5000 * 2) })
        assert.strictEqual(run.budgetSpentTokens, 1360)
      }))

    it.scoped("stays exact over many small amounts", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* Effect.forEach(Array.from({ length: 200 }, (_, i) => i + 1), (index) =>
          Effect.zipRight(
            store.begin(ownership, newCall(id, index), newAttempt(id, index)),
            store.settle(ownership, ended(id, index, { cost: nano(100_000_001) }), outcome(id, index))
          ), { concurrency: 50 })
        yield* store.finish(ownership, finished(id))
        const { spent } = yield* store.acquire(id, { at: start })
        assert.strictEqual(spent.cost, nano(20_000_000_200))
      }))
  })

const reports = (open: Open) =>
  describe("what a request reports before it ends", () => {
    const ref = { runId: id, index: 1 }
    const reported = { usage: { ...usage, cacheReadTokens: 2000 }, cost: nano(7000), costSource: "estimate" }

    it.scoped("is on the request at once and counts when its process dies, if it is more than was set aside", () =>
      Effect.gen(function*() {
        const { openAs, processes, store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
        yield* store.begin(ownership, newCall(id, 2), newAttempt(id, 2))
        yield* store.session(ownership, ref, 1, "session-1")
        yield* store.report(ownership, ref, 1, { usage, cost: nano(10), costSource: "estimate" })
        yield* store.report(ownership, ref, 1, reported)
        const other = yield* openAs(2)
        const seen = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 2000, costUsd: 0.000007 }
        assert.deepInclude((yield* other.attempts(callId(id, 1)))[0], { ...seen, status: "running" })
        assert.strictEqual((yield* other.run(id)).budgetSpentTokens, 0)
        processes.states.set(1, "dead")
        const { calls, spent } = yield* other.acquire(id, { at: start })
        assert.deepStrictEqual(spent, { tokens: 2120 + 1000, cost: nano(7000 + 5000) })
        assert.deepInclude((yield* other.attempts(callId(id, 1)))[0], {
          ...seen,
          status: "lost",
          sessionId: "session-1",
          costSource: "estimate"
        })
        assert.deepInclude(calls[0], { usage: reported.usage, cost: nano(7000), attempts: 1 })
        // nobody knows what the other one used: it is not free
        assert.deepInclude(calls[1], { cost: null, attempts: 1 })
      }))

    it.scoped("gives way to what the end says, and is ignored after it", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
        yield* store.report(ownership, ref, 1, reported)
        yield* store.settle(ownership, ended(id, 1), outcome(id, 1))
        yield* store.report(ownership, ref, 1, reported)
        yield* store.report(ownership, { runId: id, index: 9 }, 1, reported)
        assert.deepInclude((yield* store.attempts(callId(id, 1)))[0], {
          status: "done",
          cacheReadTokens: 0,
          costUsd: 0.000001234,
          costSource: "table 1"
        })
      }))

    it.scoped("of many requests at once is kept apart", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        const indices = Array.from({ length: 100 }, (_, i) => i + 1)
        yield* Effect.forEach(indices, (index) =>
          Effect.zipRight(
            store.begin(ownership, newCall(id, index), newAttempt(id, index)),
            Effect.forEach([1, 2, 3], (n) =>
              store.report(ownership, { runId: id, index }, 1, {
                usage: { ...usage, outputTokens: index * n },
                cost: null,
                costSource: null
              }))
          ), { concurrency: "unbounded" })
        for (const index of indices) {
          assert.strictEqual((yield* store.attempts(callId(id, index)))[0]?.outputTokens, index * 3)
        }
      }))
  })

const rooms = (open: Open) =>
  describe("S6: room under a provider's limits", () => {
    const room = { provider: "p", requestsPerMinute: 60, tokensPerMinute: undefined, tokens: 0, at: start }

    it.scoped("is a tenth of the limit at once, then as it flows off, for all processes together", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        const other = yield* openAs(2)
        const waits = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? store : other)),
          (one) => one.takeRoom(room)
        )
        assert.deepStrictEqual(waits, [0, 0, 0, 0, 0, 0, 1000, 1000, 1000, 1000])
        assert.strictEqual(yield* store.takeRoom({ ...room, at: start + 999 }), 1)
        assert.strictEqual(yield* store.takeRoom({ ...room, at: start + 1000 }), 0)
        assert.strictEqual(yield* other.takeRoom({ ...room, at: start + 1000 }), 1000)
      }))

    it.scoped("is taken whole or not at all, and apart for every provider", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const both = { ...room, requestsPerMinute: 10, tokensPerMinute: 6000, tokens: 600 }
        assert.strictEqual(yield* store.takeRoom(both), 0)
        // tokens have room again after 6 s, a request too
        assert.strictEqual(yield* store.takeRoom({ ...both, at: start + 5000 }), 1000)
        assert.strictEqual(yield* store.takeRoom({ ...both, at: start + 6000 }), 0)
        assert.strictEqual(yield* store.takeRoom({ ...both, provider: "q" }), 0)
      }))

    it.scoped("is never short where there is no limit, or one that is none", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        for (const requestsPerMinute of [undefined, 0, -1, Number.NaN, Infinity]) {
          const waits = yield* Effect.forEach([1, 2, 3], () => store.takeRoom({ ...room, requestsPerMinute }))
          assert.deepStrictEqual(waits, [0, 0, 0])
        }
      }))

    it.scoped("for tokens follows what was used", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const tokens = { ...room, requestsPerMinute: undefined, tokensPerMinute: 6000 }
        // ten times what may go at once: it goes, and the next one waits until it has flowed off
        assert.strictEqual(yield* store.takeRoom({ ...tokens, tokens: 6000 }), 0)
        assert.strictEqual(yield* store.takeRoom({ ...tokens, tokens: 600 }), 60_000)
        yield* store.correctRoom({ ...tokens, tokens: -5400 })
        assert.strictEqual(yield* store.takeRoom({ ...tokens, tokens: 600 }), 6000)
        yield* store.correctRoom({ ...tokens, tokens: 1200 })
        assert.strictEqual(yield* store.takeRoom({ ...tokens, tokens: 600 }), 18_000)
        yield* store.correctRoom({ ...tokens, tokens: -1_000_000 })
        assert.strictEqual(yield* store.takeRoom({ ...tokens, tokens: 600 }), 0)
      }))

    it.scoped("taken by many at once is taken by as many as there is room for", () =>
      Effect.gen(function*() {
        const { openAs, store } = yield* world(open)
        const stores = [store, yield* openAs(2), yield* openAs(3)]
        const waits = yield* Effect.forEach(
          Array.from({ length: 90 }, (_, i) => stores[i % 3] ?? store),
          (one) => one.takeRoom({ ...room, requestsPerMinute: 300 }),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(waits.filter((wait) => wait === 0), 30)
      }))
  })

const sums = (open: Open) =>
  describe("usage", () => {
    const none = { hits: 0, attempts: 0, lostAttempts: 0, unknownCosts: 0, savedTokens: 0, savedCostUsd: 0 }
    const tokens = (times: number) => ({
      inputTokens: 100 * times,
      outputTokens: 20 * times,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      costUsd: 1234 * times / 1e9
    })
    const day = 86_400_000

    /** Two runs of two workflows on two days: answers, one without a price, a hit, a lost request, a child. */
    const filled = Effect.gen(function*() {
      const { openAs, processes, store } = yield* world(open)
      const first = yield* store.create(newRun(runId(1), { workflowName: "first" }), null)
      yield* answered(store, first.ownership, runId(1), 1, { call: { phase: "read" } })
      yield* store.begin(first.ownership, newCall(runId(1), 2, { provider: "other" }), newAttempt(runId(1), 2))
      const unpriced = { cost: null, costSource: null }
      yield* store.settle(first.ownership, ended(runId(1), 2, unpriced), outcome(runId(1), 2, unpriced))
      const parent = { runId: runId(1), rootRunId: runId(1), childKey: "a", ordinal: 0 }
      yield* store.create(newRun(runId(2), { workflowName: "child", parent, depth: 1 }), first.ownership)
      yield* answered(store, first.ownership, runId(2), 1)
      const second = yield* store.create(newRun(runId(3), { workflowName: "second", at: start + day }), null)
      yield* store.record(
        second.ownership,
        newCall(runId(3), 1, { cacheStatus: "hit", phase: "read", at: start + day }),
        outcome(runId(3), 1, { attempts: 0 }),
        callId(runId(1), 1)
      )
      const at = start + day
      yield* store.begin(second.ownership, newCall(runId(3), 2, { at }), newAttempt(runId(3), 2, { at }))
      processes.states.set(1, "dead")
      yield* (yield* openAs(2)).acquire(runId(3), { at: start + day })
      return store
    })

    it.scoped("is added up by provider, with money that is not known apart and savings by the cache", () =>
      Effect.gen(function*() {
        const store = yield* filled
        assert.deepStrictEqual(yield* store.usage({ by: "provider" }), [
          {
            ...none,
            ...tokens(2),
            group: "fake",
            calls: 4,
            hits: 1,
            attempts: 3,
            lostAttempts: 1,
            unknownCosts: 1,
            savedTokens: 120,
            savedCostUsd: 0.000001234
          },
          { ...none, ...tokens(1), group: "other", calls: 1, attempts: 1, unknownCosts: 1, costUsd: 0 }
        ])
        assert.deepStrictEqual(
          (yield* store.usage({ by: "model" })).map(({ group }) => group),
          ["fake:fake-1", "other:fake-1"]
        )
      }))

    it.scoped("is added up by workflow, phase and day", () =>
      Effect.gen(function*() {
        const store = yield* filled
        const counts = (by: "workflow" | "phase" | "day") =>
          Effect.map(store.usage({ by }), (rows) => rows.map(({ attempts, calls, group }) => [group, calls, attempts]))
        assert.deepStrictEqual(yield* counts("workflow"), [["child", 1, 1], ["first", 2, 2], ["second", 2, 1]])
        assert.deepStrictEqual(yield* counts("phase"), [["read", 2, 1], [null, 3, 3]])
        assert.deepStrictEqual(yield* counts("day"), [["2026-05-28", 3, 3], ["2026-05-29", 2, 1]])
      }))

    it.scoped("is that of some time, of a run with its children, of a child alone, or none", () =>
      Effect.gen(function*() {
        const store = yield* filled
        const calls = (query: { readonly since?: number; readonly run?: RunId }) =>
          Effect.map(
            store.usage({ by: "workflow", ...query }),
            (rows) => rows.reduce((sum, { calls }) => sum + calls, 0)
          )
        assert.strictEqual(yield* calls({ since: start }), 5)
        assert.strictEqual(yield* calls({ since: start + 1 }), 2)
        assert.strictEqual(yield* calls({ run: runId(1) }), 3)
        assert.strictEqual(yield* calls({ run: runId(2) }), 1)
        assert.strictEqual(yield* calls({ run: runId(1), since: start + day }), 0)
        assert.deepStrictEqual(yield* store.usage({ by: "day", run: runId(9) }), [])
      }))

    it.scoped("stands beside each run of a list: of a root run with its children, of a child alone", () =>
      Effect.gen(function*() {
        const store = yield* filled
        yield* store.create(newRun(runId(4)), null)
        const listed = yield* store.runs({ children: true })
        assert.deepStrictEqual(
          listed.map(({ attempts, calls, costUsd, id, unknownCosts }) => ({
            attempts,
            calls,
            costUsd,
            id,
            unknownCosts
          })),
          [
            { id: runId(4), calls: 0, attempts: 0, costUsd: 0, unknownCosts: 0 },
            { id: runId(3), calls: 2, attempts: 1, costUsd: 0, unknownCosts: 1 },
            { id: runId(2), calls: 1, attempts: 1, costUsd: 1234 / 1e9, unknownCosts: 0 },
            { id: runId(1), calls: 3, attempts: 3, costUsd: 2468 / 1e9, unknownCosts: 1 }
          ]
        )
        for (const { attempts, calls, costUsd, id, unknownCosts } of listed.slice(1)) {
          const added = yield* store.usage({ by: "workflow", run: id })
          const sum = (of: (usage: typeof added[number]) => number) => added.reduce((total, one) => total + of(one), 0)
          assert.deepStrictEqual([calls, attempts, costUsd, unknownCosts], [
            sum((usage) => usage.calls),
            sum((usage) => usage.attempts),
            sum((usage) => usage.costUsd),
            sum((usage) => usage.unknownCosts)
          ])
        }
      }))
  })

const cache = (open: Open) =>
  describe("S5: the cache", () => {
    it.scoped("gives the newest answer under a key and ordinal", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const callKey = hex("shared")
        assert.isTrue(Option.isNone(yield* store.lookup(callKey, 0)))
        for (const n of [1, 2]) {
          const { ownership } = yield* store.create(newRun(runId(n)), null)
          yield* answered(store, ownership, runId(n), 1, {
            call: { callKey },
            outcome: { outputJson: `{"n":${n}}`, outputText: null }
          })
        }
        const found = Option.getOrThrow(yield* store.lookup(callKey, 0))
        assert.deepInclude(found, {
          callId: callId(runId(2), 1),
          callKey,
          outputJson: "{\"n\":2}",
          partial: false,
          status: "done",
          cost: nano(1234)
        })
        assert.isTrue(Option.isNone(yield* store.lookup(callKey, 1)))
      }))

    it.scoped("does not hold what was not entered, and holds large answers whole", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        yield* answered(store, ownership, id, 1, { outcome: { cacheEntry: null } })
        assert.isTrue(Option.isNone(yield* store.lookup(hex("key 1"), 0)))
        const outputText = "y".repeat(100_000)
        yield* answered(store, ownership, id, 2, { outcome: { outputText } })
        const found = Option.getOrThrow(yield* store.lookup(hex("key 2"), 0))
        assert.deepInclude(found, { outputText, partial: false })
      }))

    it.scoped("records an answer of another run whole, and a call nothing was sent for", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(id), null)
        const source = callId(runId(9), 4)
        yield* store.record(ownership, newCall(id, 1, { cacheStatus: "hit" }), outcome(id, 1, { attempts: 0 }), source)
        yield* store.record(
          ownership,
          newCall(id, 2),
          outcome(id, 2, { status: "budget_exceeded", outputText: null, error: "no budget" }),
          null
        )
        const [hit, refused] = yield* store.calls(id)
        assert.deepInclude(hit, { status: "done", cacheStatus: "hit", sourceCallId: source, outputText: "answer 1" })
        assert.deepInclude(refused, { status: "budget_exceeded", sourceCallId: null, error: "no budget" })
        assert.lengthOf(yield* store.settledAfter(id, 0, 10), 2)
        assert.lengthOf(yield* store.attempts(callId(id, 1)), 0)
      }))

    it.scoped("a schema is kept once for an attempt of a run, with the first call that has it", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const id = runId(1)
        const { ownership } = yield* store.create(newRun(id), null)
        const schema = { type: "object" }
        for (const index of [1, 2, 3]) {
          const schemaHash = index === 3 ? "other" : "one"
          yield* store.begin(ownership, newCall(id, index, { schema, schemaHash }), newAttempt(id, index))
        }
        const events = yield* store.events(id, { type: "schema" })
        assert.deepStrictEqual(events.map(({ dataJson, message }) => [message, dataJson]), [
          ["one", "{\"type\":\"object\"}"],
          ["other", "{\"type\":\"object\"}"]
        ])
      }))

    it.scoped("the family of a root run is the run and all runs below it, and no other", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        const { ownership } = yield* store.create(newRun(runId(1)), null)
        yield* store.create(newRun(runId(2)), null)
        const below = (parent: number, n: number) =>
          store.create(
            newRun(runId(n), {
              parent: { runId: runId(parent), rootRunId: runId(1), childKey: `${n}`, ordinal: 0 },
              depth: 1
            }),
            ownership
          )
        yield* below(1, 3)
        yield* below(3, 4)
        assert.deepStrictEqual((yield* store.family(runId(1))).map(({ id }) => id), [runId(1), runId(3), runId(4)])
      }))

    it.scoped("earlier calls are those of earlier runs of the same workflow, the newest first", () =>
      Effect.gen(function*() {
        const { store } = yield* world(open)
        for (const [n, workflowName] of [[1, "a"], [2, "b"], [3, "a"], [4, "a"]] as const) {
          const { ownership } = yield* store.create(newRun(runId(n), { workflowName }), null)
          for (const index of [1, 2]) yield* store.begin(ownership, newCall(runId(n), index), null)
        }
        const ids = (yield* store.earlierCalls(runId(4), 3)).map(({ id }) => id)
        assert.deepStrictEqual(ids, [callId(runId(3), 2), callId(runId(3), 1), callId(runId(1), 2)])
      }))
  })

const failPoints = (open: Open) =>
  describe("a step that is cut off", () => {
    for (const moment of ["before", "after"] as const) {
      it.scoped(`${moment} its commit ${moment === "before" ? "left nothing" : "is there"}`, () =>
        Effect.gen(function*() {
          const home = yield* temporary
          const processes = new Processes()
          const seen: Array<string> = []
          let armed = ""
          const failPoint = FailPoint.context({
            hit: (step, at) => {
              seen.push(`${step} ${at}`)
              if (`${step} ${at}` === armed) throw new Error("cut off")
            }
          })
          const layer = Layer.provide(open(home, processes.owner(1)), Layer.succeedContext(failPoint))
          const store = Context.get(yield* Layer.build(layer), RunStore)
          const { ownership } = yield* store.create(newRun(id), null)
          yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
          armed = `call.settle ${moment}`
          const cut = yield* Effect.exit(store.settle(ownership, ended(id, 1), outcome(id, 1)))
          assert.isTrue(Exit.isFailure(cut) && cut.cause._tag === "Die")
          const call = Option.getOrThrow(yield* store.call(callId(id, 1)))
          assert.strictEqual(call.status, moment === "before" ? "running" : "done")
          assert.lengthOf(yield* store.artifacts(id), moment === "before" ? 0 : 2)
          armed = ""
          yield* store.event(ownership, event(id, "goes on"))
          yield* store.record(ownership, newCall(id, 2), outcome(id, 2), null)
          yield* store.retry(ownership, null, newAttempt(id, 2))
          yield* store.finish(ownership, finished(id))
          yield* store.acquire(id, { at: start })
          for (
            const step of [
              "run.create",
              "call.begin",
              "run.event",
              "call.record",
              "call.retry",
              "run.finish",
              "run.acquire"
            ]
          ) {
            assert.includeMembers(seen, [`${step} before`, `${step} after`])
          }
        }))
    }
  })

const standing = (runId: RunId, index: number, status: "running" | "waiting"): CallStanding => ({
  runId,
  index,
  status,
  recoveryJson: JSON.stringify({ until: status === "waiting" ? "2026-05-28T19:00:00.000Z" : null }),
  event: { type: "call_waiting", message: "waits for a limit", dataJson: null },
  at: start + 10
})

const degraded = (runId: RunId, index: number): DegradedCall => ({
  runId,
  index,
  outputJson: "null",
  reason: "nobody answered",
  artifact: { kind: "output_json", sha256: hex("null"), sizeBytes: 4 },
  at: start + 10
})
