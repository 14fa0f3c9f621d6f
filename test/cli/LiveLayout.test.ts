import { assert, describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Layout from "../../src/cli/live/Layout.ts"
import * as LineText from "../../src/cli/live/Line.ts"
import * as Lines from "../../src/cli/live/Lines.ts"
import * as Live from "../../src/cli/live/Live.ts"
import type { Drawing, Screen } from "../../src/cli/live/Screen.ts"
import type { Call, Signal } from "../../src/cli/live/Signal.ts"
import { State } from "../../src/cli/live/State.ts"
import * as Summary from "../../src/cli/live/Summary.ts"
import * as Text from "../../src/cli/live/Text.ts"
import type { CallId, RunId } from "../../src/domain/Ids.ts"
import { callId } from "../../src/domain/Ids.ts"
import { runId } from "../lib/store.ts"

const root = runId(1)
const child = runId(2)
const start = Date.UTC(2026, 10, 21, 22, 26, 0)

const call = (runId: RunId, index: number, label: string | null, phase: string | null): Call => ({
  callId: callId(runId, index),
  runId,
  label,
  phase,
  provider: "claude",
  model: "opus-4"
})

const placed = (call: Call, at: number): Signal => ({ _tag: "Placed", callId: call.callId as CallId, call, at })
const asked = (call: Call, attempt: number, at: number): Signal => ({
  _tag: "Asked",
  callId: call.callId as CallId,
  attempt,
  at
})
const ended = (call: Call, changes: Partial<Extract<Signal, { readonly _tag: "CallEnded" }>> = {}): Signal => ({
  _tag: "CallEnded",
  call,
  status: "done",
  cacheStatus: "miss",
  used: { tokens: 1_200, costUsd: 0.0123 },
  durationMs: 4_200,
  error: null,
  at: start,
  ...changes
})

const plan = call(root, 1, "plan", "plan")
const items = Array.from({ length: 20 }, (_, index) => call(root, index + 2, `review src/file-${index}.ts`, "review"))
const item = (index: number): Call => items[index] ?? plan
const inner = call(child, 1, "inner", null)

/** A run in the middle of its work: a call for each thing there is to show. */
const middle: ReadonlyArray<Signal> = [
  { _tag: "RunBegan", runId: root, workflow: "audit", depth: 0, attempt: 2, at: start },
  { _tag: "Phase", runId: root, name: "plan" },
  ended(plan, { cacheStatus: "replayed" }),
  { _tag: "Phase", runId: root, name: "review" },
  { _tag: "Logged", runId: root, text: "20 files\u001B[2J to look at" },
  ...items.flatMap((item) => [placed(item, start + 1_000)]),
  ...items.slice(0, 12).map((item) => asked(item, 1, start + 2_000)),
  ended(item(0)),
  ended(item(1), { cacheStatus: "hit", used: { tokens: 0, costUsd: 0 } }),
  { _tag: "Saved", callId: callId(root, 3), used: { tokens: 5_000, costUsd: 0.25 } },
  ended(item(2), { status: "schema_failed", error: "the answer\nhas no field 'ok'" }),
  ended(item(3), { status: "timeout", error: "no complete answer within 5 m" }),
  { _tag: "Degraded", callId: callId(root, 5) },
  ended(item(4), { used: { tokens: 800, costUsd: null } }),
  { _tag: "Reported", callId: callId(root, 7), used: { tokens: 43_210, costUsd: 0.512 } },
  { _tag: "Paused", callId: callId(root, 8), attempt: 2, why: "HTTP 529: overloaded", until: start + 75_000 },
  {
    _tag: "Waiting",
    runId: root,
    callId: callId(root, 9),
    name: "limit",
    text: "the session limit",
    until: start + 42 * 60_000
  },
  { _tag: "Broken", callId: callId(root, 10) },
  { _tag: "RunBegan", runId: child, workflow: "fix 漢字", depth: 1, attempt: 1, at: start + 3_000 },
  placed(inner, start + 3_000),
  asked(inner, 1, start + 3_000),
  asked(inner, 3, start + 9_000),
  { _tag: "Phase", runId: root, name: "publish" },
  { _tag: "Waiting", runId: root, callId: null, name: "gate", text: "gate: waiting for approval", until: null },
  {
    _tag: "Waiting",
    runId: root,
    callId: null,
    name: "night",
    text: "night: waiting until 2026-11-22T03:00:00.000Z",
    until: Date.UTC(2026, 10, 22, 3, 0, 0)
  }
]

const stateOf = (signals: ReadonlyArray<Signal>): { readonly state: State; readonly lines: ReadonlyArray<string> } => {
  const state = new State(" --home /h")
  const lines: Array<string> = []
  for (const signal of signals) {
    const line = Lines.of(signal, state)
    if (line !== undefined) lines.push(LineText.write(line, Infinity, false))
    state.apply(signal)
  }
  return { state, lines }
}

const budget = { tokens: null, costUsd: { spent: 3.6, limit: 5 } }

const frame = (state: State, columns: number, rows: number, now = start + 61_000): ReadonlyArray<string> =>
  Layout.frame(state, { columns, rows, now, frame: 0, budget, offset: 60 }).map((line) =>
    LineText.write(line, columns, false)
  )

describe("the live region", () => {
  it("shows phases, calls, waits and totals, in any size; lines tell of what happened, and a summary of the end", async () => {
    const { lines, state } = stateOf(middle)
    const frames = [[120, 40], [100, 14], [60, 24], [40, 8], [20, 4]] as const
    const texts = frames.map(([columns, rows]) =>
      [`${columns} columns, ${rows} rows`, ...frame(state, columns, rows)].join("\n")
    )
    state.apply({ _tag: "RunEnded", runId: root, status: "failed", at: start + 3_700_000 })
    const summary = Summary.of(state, start, " --home /h").map((line) => LineText.write(line, Infinity, false))
    const text = [lines.join("\n"), ...texts, summary.join("\n")].join("\n\n")
    await expect(`${text}\n`).toMatchFileSnapshot("../golden/cli/live-frames.txt")
  })

  it("is never wider or higher than asked for, whatever the labels are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 140 }),
        fc.integer({ min: 2, max: 50 }),
        fc.array(fc.string({ unit: "binary", maxLength: 30 }), { maxLength: 30 }),
        (columns, rows, labels) => {
          const calls = labels.map((label, index) => call(root, 100 + index, label, index % 3 === 0 ? label : "phase"))
          const extra = calls.flatMap((call, index) => [placed(call, start), asked(call, 1 + index % 3, start)])
          const { state } = stateOf([...middle, ...extra])
          const lines = frame(state, columns, rows)
          assert.isAtMost(lines.length, rows - 1)
          assert.isAtLeast(lines.length, 1)
          for (const line of lines) {
            assert.isAtMost(Text.width(line), columns)
            assert.notMatch(line, /\p{Cc}/u)
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  it("counts every call once, from its place to its end", () => {
    const { state } = stateOf(middle)
    const { cancelled, degraded, done, failed, hits, queued, replayed, running, waiting } = state.total
    assert.deepStrictEqual(
      { cancelled, degraded, done, failed, hits, queued, replayed, running, waiting },
      { cancelled: 1, degraded: 1, done: 2, failed: 1, hits: 1, queued: 8, replayed: 1, running: 5, waiting: 2 }
    )
    assert.strictEqual(state.open.size, queued + running + waiting)
    assert.deepStrictEqual([...state.failures.values()].map(({ call }) => call.callId), [callId(root, 4)])
    for (const open of state.open.values()) state.apply(ended(open.call))
    assert.strictEqual(state.open.size, 0)
    for (const phase of state.phases) assert.strictEqual(phase.queued + phase.running + phase.waiting, 0)
  })

  it("says what was saved in money, and in tokens where no price is known", () => {
    const saved = (costUsd: number | null): Signal => ({
      _tag: "Saved",
      callId: callId(root, 2),
      used: { tokens: 24_000, costUsd }
    })
    const hit = ended(item(0), { cacheStatus: "hit", used: { tokens: 0, costUsd: 0 } })
    const begun: Signal = { _tag: "RunBegan", runId: root, workflow: "audit", depth: 0, attempt: 1, at: start }
    const footer = (costUsd: number | null, columns: number) =>
      frame(stateOf([begun, hit, saved(costUsd)]).state, columns, 10).at(-1)
    assert.match(footer(0.5, 140) ?? "", /1 from cache saved \$0\.5000$/)
    assert.match(footer(null, 140) ?? "", /1 from cache saved 24\.0k tokens$/)
    assert.match(footer(0.5, 80) ?? "", / saved \$0\.5000$/)
  })

  it("takes a signal about what it never was told of as it is", () => {
    const { state } = stateOf([
      asked(plan, 2, start),
      { _tag: "Broken", callId: callId(root, 1) },
      { _tag: "Degraded", callId: callId(root, 1) },
      { _tag: "Waited", runId: root, name: "nothing" },
      ended(plan)
    ])
    assert.strictEqual(state.total.done, 1)
    assert.strictEqual(state.total.running, 0)
  })

  it("names as many calls between two frames as can be read, counts the others, and tells of every failure", () => {
    let drawing: Drawing | undefined
    const screen: Screen = {
      show: (shown) => {
        drawing = shown
        return { changed: () => {}, close: () => {} }
      }
    }
    const live = Live.make({ screen, line: () => {}, budget: () => undefined })
    const lines = () => drawing?.above().map((line) => LineText.write(line, Infinity, false)) ?? []
    live.before(ended(call(root, 1, "long ago", null)))
    for (let index = 2; index <= 1_001; index++) live.signal(ended(call(root, index, null, "work")))
    live.signal(ended(call(root, 1_002, "wrong", "work"), { status: "failed", error: "it is wrong" }))
    const first = lines()
    assert.strictEqual(first.length, 42)
    assert.strictEqual(first.at(-2), "✗ wrong failed: it is wrong")
    assert.strictEqual(first.at(-1), "✓ 960 more calls ended")
    live.signal(ended(call(root, 1_003, "last", "work")))
    assert.deepStrictEqual(lines(), ["✓ last  claude:opus-4  1200 tokens  $0.0123  4.2 s"])
    assert.deepStrictEqual(lines(), [])
    // a flood is named less and less, up to what goes by at a frame's pace
    for (const named of [29, 10, 10]) {
      for (let index = 0; index < 100; index++) live.signal(ended(call(root, 2_000 + index, null, "work")))
      const flood = lines()
      assert.strictEqual(flood.length, named + 1)
      assert.strictEqual(flood.at(-1), `✓ ${100 - named} more calls ended`)
    }
  })
})
