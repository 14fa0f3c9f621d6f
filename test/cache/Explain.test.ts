import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Explain from "open-agent-workflows/cache/Explain"
import * as CallKey from "open-agent-workflows/domain/CallKey"
import * as Ids from "open-agent-workflows/domain/Ids"
import type { Call } from "open-agent-workflows/domain/Records"

const runId = (n: number) => Schema.decodeSync(Ids.RunId)(`20260528-14320${n}-0sj04k7m2x9`)
const earlierRun = runId(1)
const thisRun = runId(2)

const noParts: CallKey.Parts = {
  agentType: undefined,
  isolation: "none",
  maxOutputTokens: undefined,
  model: "small",
  namespace: undefined,
  permissions: undefined,
  provider: "fake",
  readScope: undefined,
  schema: undefined,
  system: undefined,
  temperature: undefined,
  worktreeBase: undefined,
  writeScope: undefined
}

interface Given extends Partial<Omit<Call, "id" | "runId" | "callKey" | "optsJson">> {
  readonly run?: Ids.RunId
  readonly parts?: Partial<CallKey.Parts>
  readonly files?: string
}

let made = 0

const call = ({ files, parts, run = thisRun, ...given }: Given = {}): Call => {
  const index = given.index ?? ++made
  const prompt = given.prompt ?? "Summarise"
  const optsJson = CallKey.encode({ ...noParts, ...parts })
  const callKey = CallKey.make(optsJson, prompt)
  return {
    id: Ids.callId(run, index),
    runId: run,
    index,
    callKey,
    cacheKey: CallKey.cacheKey(callKey, files),
    ordinal: 0,
    label: null,
    phase: null,
    position: `/${index}`,
    prompt,
    optsJson,
    settingsJson: null,
    provider: "fake",
    model: "small",
    agentType: null,
    isolation: "none",
    status: "done",
    cacheStatus: "miss",
    cachePolicy: "auto",
    sourceCallId: null,
    schemaHash: null,
    outputText: "",
    outputJson: null,
    validationErrorsJson: null,
    errorKind: null,
    error: null,
    worktreePath: null,
    worktreeBranch: null,
    baseCommit: null,
    headCommit: null,
    changedFiles: null,
    recoveryJson: null,
    waitingUntil: null,
    attempts: 1,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    estimatedCostUsd: 0,
    durationMs: 1,
    runAttempt: 1,
    createdAt: "2026-05-28T14:32:01.000Z",
    completedAt: null,
    ...given
  }
}

const before = (given: Given = {}) => call({ run: earlierRun, ...given })

const explainOne = (own: Call, earlier: ReadonlyArray<Call> = []): Explain.Explanation => {
  const [first] = Explain.explain([own], earlier)
  return first ?? assert.fail("nothing was explained")
}

describe("a call that is not a miss", () => {
  it("was replayed", () => {
    assert.deepInclude(explainOne(call({ cacheStatus: "replayed" }), [before()]), {
      reason: "answered from this run's own journal",
      differs: [],
      nearest: null
    })
  })

  it("was a hit, and names the call it was answered from", () => {
    const source = before()
    assert.deepInclude(explainOne(call({ cacheStatus: "hit", sourceCallId: source.id }), [source]), {
      reason: `answered from ${source.id}, which asked the same thing`,
      differs: [],
      nearest: source.id
    })
  })

  it("was kept from the cache by its policy", () => {
    assert.include(explainOne(call({ cacheStatus: "disabled", cachePolicy: "disabled" })).reason, "`disabled`")
  })

  it("bypassed the cache because it may change files", () => {
    const reason = "the call may change files, so its answer is not shared between runs"
    assert.strictEqual(explainOne(call({ cacheStatus: "bypassed", isolation: "worktree" })).reason, reason)
    assert.strictEqual(explainOne(call({ cacheStatus: "bypassed", parts: { writeScope: ["src"] } })).reason, reason)
  })

  it("bypassed the cache because what it could read is not known", () => {
    const reason = "what the agent could read could not be determined, so its answer is not shared between runs"
    assert.strictEqual(explainOne(call({ cacheStatus: "bypassed" })).reason, reason)
    assert.strictEqual(explainOne(call({ cacheStatus: "bypassed", parts: { writeScope: [] } })).reason, reason)
  })

  it("was refused before the cache was asked", () => {
    const refused = call({ cacheStatus: "bypassed", status: "failed", errorKind: "InvalidCall" })
    assert.strictEqual(explainOne(refused).reason, "the call was refused before the cache was asked")
  })
})

describe("a miss", () => {
  it("with no earlier call has nothing to compare with", () => {
    assert.deepInclude(explainOne(call()), { reason: "no earlier call to compare with", differs: [], nearest: null })
  })

  it("under `refresh` asked again on purpose", () => {
    assert.include(explainOne(call({ cachePolicy: "refresh" }), [before()]).reason, "`refresh`")
  })

  const changes: ReadonlyArray<readonly [string, Partial<CallKey.Parts>]> = [
    ["agentType", { agentType: "reviewer" }],
    ["isolation", { isolation: "worktree" }],
    ["maxOutputTokens", { maxOutputTokens: 100 }],
    ["model", { model: "large" }],
    ["namespace", { namespace: "team" }],
    ["permissions", { permissions: ["Read"] }],
    ["provider", { provider: "other" }],
    ["readScope", { readScope: ["docs"] }],
    ["schema", { schema: "0f" }],
    ["system", { system: "Be brief" }],
    ["temperature", { temperature: 0.5 }],
    ["worktreeBase", { worktreeBase: "main" }],
    ["writeScope", { writeScope: ["src"] }]
  ]

  it.each(changes)("names %s when that is what differs, whichever of the two has it", (name, parts) => {
    const plain = before()
    assert.deepInclude(explainOne(call({ parts }), [plain]), {
      reason: `${name} differs from ${plain.id}`,
      differs: [name],
      nearest: plain.id
    })
    assert.deepInclude(explainOne(call(), [before({ parts })]), { differs: [name] })
  })

  it("knows every part a key is made of", () => {
    assert.deepStrictEqual(changes.map(([name]) => name), Object.keys(noParts).toSorted())
  })

  it("names the prompt, compared with the call of the same label or place", () => {
    const labelled = before({ prompt: "Summarise a", label: "sum", position: "/1" })
    const placed = before({ prompt: "Summarise b", label: "other", position: "/7" })
    const newest = before({ prompt: "Summarise c", position: "/2" })
    const earlier = [newest, placed, labelled]
    const byLabel = explainOne(call({ prompt: "Summarise x", label: "sum", position: "/7" }), earlier)
    assert.deepInclude(byLabel, {
      differs: ["prompt"],
      nearest: labelled.id,
      reason: `prompt differs from ${labelled.id}`
    })
    const byPlace = explainOne(call({ prompt: "Summarise x", label: "new", position: "/7" }), earlier)
    assert.deepInclude(byPlace, { differs: ["prompt"], nearest: placed.id })
    const byNothing = explainOne(call({ prompt: "Summarise x", position: "/9" }), earlier)
    assert.deepInclude(byNothing, { differs: ["prompt"], nearest: newest.id })
  })

  it("names everything that differs", () => {
    const nearest = before({ label: "sum" })
    const own = call({ label: "sum", prompt: "Translate", parts: { model: "large", temperature: 1 } })
    assert.deepInclude(explainOne(own, [nearest]), {
      differs: ["prompt", "model", "temperature"],
      reason: `prompt, model and temperature differ from ${nearest.id}`
    })
    assert.strictEqual(
      explainOne(call({ parts: { model: "large", schema: "0f" } }), [nearest]).reason,
      `model and schema differ from ${nearest.id}`
    )
  })

  it("names the files when the same was asked about others", () => {
    const nearest = before({ files: "a" })
    assert.deepInclude(explainOne(call({ files: "b" }), [nearest]), {
      differs: ["files"],
      reason: `files differs from ${nearest.id}`
    })
  })

  it("is compared with the newest of equally near calls, and with one that asked the same thing first of all", () => {
    const older = before({ parts: { model: "large" } })
    const newer = before({ parts: { model: "larger" } })
    assert.strictEqual(explainOne(call(), [newer, older]).nearest, newer.id)
    const same = before({ files: "a" })
    assert.strictEqual(explainOne(call({ files: "b" }), [newer, same]).nearest, same.id)
  })

  it("of an equal call of the same run is told from the first by its number", () => {
    const first = call({ cacheStatus: "hit" })
    const second = call({ ordinal: 1 })
    const [, explained] = Explain.explain([first, second], [])
    assert.deepInclude(explained, {
      differs: [],
      nearest: first.id,
      reason: "equal call number 2 of this run; an answer is shared by calls of the same number only"
    })
  })

  it.each(["disabled", "read_only"] as const)("after a call under `%s` found nothing stored", (cachePolicy) => {
    const nearest = before({ cachePolicy })
    assert.deepInclude(explainOne(call(), [nearest]), {
      differs: [],
      reason: `${nearest.id} asked the same thing under the cache policy \`${cachePolicy}\`, which stores nothing`
    })
  })

  it.each(["provider_failed", "schema_failed", "cancelled", "running"] as const)(
    "after a call that is %s found no answer",
    (status) => {
      const nearest = before({ status })
      assert.strictEqual(
        explainOne(call(), [nearest]).reason,
        `${nearest.id} asked the same thing and is ${status}, so it left no answer`
      )
    }
  )

  it.each(["auto", "refresh"] as const)(
    "after a call that should have stored its answer says so (%s)",
    (cachePolicy) => {
      assert.include(explainOne(call(), [before({ cachePolicy })]).reason, "was not there yet or did not read as valid")
    }
  )

  it("survives options that are not JSON", () => {
    const nearest = before()
    const broken = { ...call({ prompt: "other" }), optsJson: "{" }
    assert.include(explainOne(broken, [nearest]).differs, "prompt")
  })
})

it("explains the calls in their order, each against those before it", () => {
  const calls = [call({ prompt: "a" }), call({ prompt: "b" }), call({ prompt: "a", ordinal: 1 })]
  const explained = Explain.explain(calls, [])
  assert.deepStrictEqual(explained.map((one) => one.call), calls)
  // a neighbour that asked something else explains nothing
  assert.deepStrictEqual(explained.map(({ nearest }) => nearest), [null, null, calls[0]?.id ?? null])
})

it("explains ten thousand calls against ten thousand in less than a second", () => {
  const many = (run: Ids.RunId, model: string) =>
    Array.from(
      { length: 10_000 },
      (_, i) => call({ run, index: i + 1, prompt: `Summarise file ${i}`, label: `file ${i}`, parts: { model } })
    )
  const [now, then] = [many(thisRun, "large"), many(earlierRun, "small")]
  const started = performance.now()
  const explained = Explain.explain(now, then)
  assert.isBelow(performance.now() - started, 1_000)
  assert.isTrue(explained.every(({ differs }, i) => differs[0] === "model" && explained[i]?.nearest === then[i]?.id))
})
