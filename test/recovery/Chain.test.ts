import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, OwfTest, Recovery, RunStore, Scripted, Workflow } from "open-agent-workflows"
import * as virtualClock from "../lib/virtualClock.ts"

const begin = Date.parse("2026-11-20T22:00:00Z")
const Verdict = Schema.Struct({ verdict: Schema.Literal("good", "bad", "unknown") })
const task = `Judge this.\n${"A long text. ".repeat(500)}`

const ladder = Recovery.all(
  Recovery.correct({ times: 1 }),
  Recovery.compact({ times: 2 }),
  Recovery.reframe({ times: 2 })
)

const judge = Workflow.make({ name: "judge", output: Verdict }, () =>
  Effect.map(
    agent(task, {
      schema: Verdict,
      timeout: "1 hour",
      recover: Recovery.orElse(ladder, Recovery.fallback({ verdict: "unknown" }))
    }),
    (result) => result.value
  ))

/** Overflows, is shortened, overflows again, cannot be shortened, is put anew, says nothing of use, and so on. */
const provider = () =>
  Scripted.make(
    (request) => {
      const usage = { usage: { inputTokens: 10 } }
      if (request.compact === true) {
        return request.attempt === 2
          ? Scripted.answer("", { session: "s1", ...usage })
          : Scripted.fail("Unknown", { session: "s1", ...usage })
      }
      if (request.attempt < 4) return Scripted.fail("ContextOverflow", { session: "s1", ...usage })
      return Scripted.answer("I would rather not say.", { session: `s${request.attempt}`, ...usage })
    },
    { capabilities: { sessions: true, compacts: true } }
  )

describe("a call that meets everything", () => {
  it.live("YG-8, PC-19: is shortened, put anew in fresh sessions, corrected there, and given up for its declared value", () => {
    const time = virtualClock.make(begin)
    const answers = provider()
    const body = Effect.gen(function*() {
      const result = yield* Workflow.start(judge, {})
      const requests = yield* answers.requests
      assert.deepStrictEqual(
        requests.map(({ compact, correction, prompt, session }) => [
          compact === true ? "shorten" : correction !== undefined ? "correct" : prompt === task ? "task" : "anew",
          session?.id
        ]),
        [
          ["task", undefined],
          ["shorten", "s1"],
          ["task", "s1"],
          ["shorten", "s1"],
          // it could not be shortened again
          ["anew", undefined],
          ["correct", "s5"],
          ["anew", undefined]
        ]
      )
      // nothing of the task is ever cut off, and each time it comes with other advice
      const anew = requests.filter(({ correction, prompt }) => correction === undefined && prompt !== task)
      assert.isTrue(anew.filter(({ compact }) => compact !== true).every(({ prompt }) => prompt.endsWith(task)))
      assert.strictEqual(new Set(anew.map(({ prompt }) => prompt)).size, 2)
      // pauses of ten and twenty seconds before the fresh sessions, and nothing else
      assert.strictEqual(yield* Clock.currentTimeMillis, begin + 30_000)

      assert.deepInclude(result, { status: "degraded", outputJson: "{\"verdict\":\"unknown\"}" })
      const store = yield* RunStore.RunStore
      const [call] = yield* store.calls(result.runId)
      assert.deepInclude(call, { status: "degraded", attempts: 7, inputTokens: 70, errorKind: "SchemaFailed" })
      assert.strictEqual((yield* store.run(result.runId)).budgetSpentTokens, 70)

      // another run asks again: what was declared is no answer
      const again = yield* Workflow.start(judge, {})
      assert.strictEqual((yield* answers.requests).length, 14)
      // and in a strict run the call fails
      const strict = yield* Workflow.start(judge, {}, { strict: true })
      assert.deepStrictEqual([again.status, strict.status], ["degraded", "failed"])
    }).pipe(Effect.provide(OwfTest.layer({ provider: answers })), Effect.orDie)
    return virtualClock.under(body, time.clock)
  })
})
