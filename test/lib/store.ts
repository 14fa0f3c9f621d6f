import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { RunId } from "open-agent-workflows/domain/Ids"
import type { NanoUsd } from "open-agent-workflows/domain/Money"
import * as Usage from "open-agent-workflows/domain/Usage"
import type * as RunStore from "open-agent-workflows/store/RunStore"
import { hex } from "../../src/internal/sha256.ts"

/** A directory that goes with the scope. */
export const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-store-")))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

/** The n-th of the run ids of a test, in order of age. */
export const runId = (n: number): RunId => `20260528-1432${String(n).padStart(2, "0")}-0sj04k7m2x9q` as RunId

/** Some time; times of tests are counted from here. */
export const start = Date.UTC(2026, 4, 28, 14, 32, 1, 250)

export const nano = (amount: number): NanoUsd => amount as NanoUsd

export const newRun = (id: RunId, changes: Partial<RunStore.NewRun> = {}): RunStore.NewRun => ({
  id,
  parent: null,
  depth: 0,
  workflowName: "classify",
  workflowDescription: null,
  scriptPath: null,
  scriptHash: null,
  argsJson: "{}",
  provider: "fake",
  model: null,
  cachePolicy: "auto",
  budget: { tokens: null, cost: null },
  at: start,
  ...changes
})

export const newCall = (runId: RunId, index: number, changes: Partial<RunStore.NewCall> = {}): RunStore.NewCall => {
  const callKey = changes.callKey ?? hex(`key ${index}`)
  const prompt = changes.prompt ?? `prompt ${index}`
  return {
    runId,
    index,
    replaces: false,
    callKey,
    cacheKey: callKey,
    ordinal: 0,
    position: `at ${index}`,
    label: `call ${index}`,
    phase: null,
    prompt,
    promptSha256: hex(prompt),
    optsJson: "{}",
    settingsJson: null,
    provider: "fake",
    model: "fake-1",
    agentType: null,
    isolation: "none",
    cacheStatus: "miss",
    cachePolicy: "auto",
    schemaHash: null,
    runAttempt: 1,
    at: start,
    ...changes
  }
}

export const newAttempt = (
  runId: RunId,
  index: number,
  changes: Partial<RunStore.NewAttempt> = {}
): RunStore.NewAttempt => ({
  runId,
  index,
  attempt: 1,
  reserved: { tokens: 1000, cost: nano(5000) },
  at: start,
  ...changes
})

export const usage: Usage.Usage = Usage.make({ inputTokens: 100, outputTokens: 20 })

export const ended = (
  runId: RunId,
  index: number,
  changes: Partial<RunStore.AttemptOutcome> = {}
): RunStore.AttemptOutcome => ({
  runId,
  index,
  attempt: 1,
  status: "done",
  usage,
  cost: nano(1234),
  costSource: "table 1",
  model: "fake-1",
  sessionId: null,
  errorKind: null,
  error: null,
  raw: null,
  at: start + 10,
  ...changes
})

const file = (kind: RunStore.NewArtifact["kind"], text: string): RunStore.NewArtifact => ({
  kind,
  sha256: hex(text),
  sizeBytes: Buffer.byteLength(text)
})

export const outcome = (
  runId: RunId,
  index: number,
  changes: Partial<RunStore.CallOutcome> & { readonly prompt?: string } = {}
): RunStore.CallOutcome => {
  const { prompt = `prompt ${index}`, ...rest } = changes
  const text = changes.outputText === undefined ? `answer ${index}` : changes.outputText
  const json = changes.outputJson ?? null
  return {
    runId,
    index,
    status: "done",
    outputText: text,
    outputJson: json,
    validationErrorsJson: null,
    errorKind: null,
    error: null,
    attempts: 1,
    usage,
    cost: nano(1234),
    durationMs: 10.5,
    artifacts: [
      file("prompt", prompt),
      ...(json === null ? text === null ? [] : [file("output_text", text)] : [file("output_json", json)]),
      ...(rest.error == null ? [] : [file("error", rest.error)])
    ],
    cacheEntry: null,
    at: start + 10,
    ...rest
  }
}

export const finished = (runId: RunId, changes: Partial<RunStore.RunOutcome> = {}): RunStore.RunOutcome => ({
  runId,
  status: "done",
  outputJson: null,
  errorKind: null,
  errorMessage: null,
  replayed: [],
  at: start + 1000,
  ...changes
})

/** Stores a call from its intent to its end. */
export const answered = Effect.fnUntraced(function*(
  store: RunStore.RunStore["Type"],
  ownership: RunStore.Ownership,
  runId: RunId,
  index: number,
  changes: { readonly call?: Partial<RunStore.NewCall>; readonly outcome?: Partial<RunStore.CallOutcome> } = {}
) {
  const call = newCall(runId, index, changes.call)
  yield* store.begin(ownership, call, newAttempt(runId, index))
  yield* store.settle(
    ownership,
    ended(runId, index),
    outcome(runId, index, {
      cacheEntry: { cacheKey: call.cacheKey, ordinal: call.ordinal },
      prompt: call.prompt,
      ...changes.outcome
    })
  )
})
