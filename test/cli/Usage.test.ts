import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { callId } from "open-agent-workflows/domain/Ids"
import { RunStore } from "open-agent-workflows/store/RunStore"
import { layerStore } from "../../src/node/Owf.ts"
import { directoryWith } from "../lib/node.ts"
import { answered, ended, finished, newAttempt, newCall, newRun, outcome, runId, start } from "../lib/store.ts"
import { inProcess, transcript } from "./owf.ts"

const day = 86_400_000

/** Runs of two days: an answer, one whose price is not known, one at a second provider, a lost request, a hit. */
const filled = async (): Promise<string> => {
  const directory = directoryWith({})
  await Effect.runPromise(
    Effect.gen(function*() {
      const store = yield* RunStore
      const first = yield* store.create(newRun(runId(1), { workflowName: "classify" }), null)
      yield* answered(store, first.ownership, runId(1), 1, { call: { phase: "label" } })
      const other = newCall(runId(1), 2, { phase: "review", provider: "house", model: "h-1" })
      yield* store.begin(first.ownership, other, newAttempt(runId(1), 2))
      const unpriced = { cost: null, costSource: null }
      yield* store.settle(first.ownership, ended(runId(1), 2, unpriced), outcome(runId(1), 2, unpriced))
      yield* store.finish(first.ownership, finished(runId(1)))
      const second = yield* store.create(newRun(runId(2), { workflowName: "report", at: start + day }), null)
      const at = start + day
      const hit = newCall(runId(2), 1, { cacheStatus: "hit", at })
      yield* store.record(second.ownership, hit, outcome(runId(2), 1, { attempts: 0 }), callId(runId(1), 1))
      yield* store.begin(second.ownership, newCall(runId(2), 2, { at }), newAttempt(runId(2), 2, { at }))
      const lost = { status: "lost", ...unpriced } as const
      const timeout = { status: "timeout", outputText: null, error: "late", cost: null } as const
      yield* store.settle(second.ownership, ended(runId(2), 2, lost), outcome(runId(2), 2, timeout))
      yield* store.finish(second.ownership, finished(runId(2)))
    }).pipe(Effect.provide(layerStore({ home: Path.join(directory, ".workflows"), mode: "write" })))
  )
  return directory
}

describe("owf usage", () => {
  it("adds up over runs by every group, and never shows a cost that is not known as none", async () => {
    const directory = await filled()
    const texts = []
    for (
      const words of [
        [],
        ["--by", "model"],
        ["--by", "workflow"],
        ["--by", "phase"],
        ["--by", "day"],
        ["latest"],
        ["--by", "day", "--since", "2026-05-29"],
        ["--json", "--by", "model", "--since", "2026-05-28T14:32:01.250Z", runId(1)],
        ["--since", "2031-01-01"],
        ["--since", "2031-01-01", "--json"],
        ["latest", "--since", "2031-01-01"]
      ]
    ) {
      texts.push(transcript(directory, ["usage", ...words], await inProcess(directory, "usage", ...words)))
    }
    await expect(texts.join("\n")).toMatchFileSnapshot("../golden/cli/usage.txt")
  })

  it("takes a span of time before now", async () => {
    const directory = await filled()
    const calls = async (since: string) => {
      const { stdout } = await inProcess(directory, "usage", "--since", since, "--json")
      return (JSON.parse(stdout) as { readonly total: { readonly calls: number } }).total.calls
    }
    // the runs are of 2026, as old as they may be when this is run
    assert.strictEqual(await calls("99999w"), 4)
    assert.strictEqual(await calls("0m"), 0)
  })

  it("of a home nobody made yet is nothing, and of a run that is not there an error", async () => {
    const directory = directoryWith({})
    const none = await inProcess(directory, "usage")
    assert.deepStrictEqual([none.code, none.stdout], [0, ""])
    const json = await inProcess(directory, "usage", "--json")
    assert.deepInclude(JSON.parse(json.stdout), { groups: [], run_id: null, since: null })
    assert.notStrictEqual((await inProcess(directory, "usage", "latest")).code, 0)
    const filledDirectory = await filled()
    const missing = await inProcess(filledDirectory, "usage", "20990101-000000-abc")
    assert.notStrictEqual(missing.code, 0)
    assert.include(missing.stderr, "There is no run")
  })
})
