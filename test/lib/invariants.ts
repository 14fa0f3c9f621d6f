/**
 * What must hold of a home whatever happened to the processes that worked on it.
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import type { Report, Seen } from "../crash/fixtures/orders.ts"
import { tokens } from "../crash/fixtures/provider.ts"
import type { Row, Scene, Snapshot } from "./crash.ts"
import * as Crash from "./crash.ts"

/**
 * What holds also right after a process was killed: the record is whole, and it has everything the workflow had seen.
 * Gives the record.
 */
export const afterKill = (scene: Scene): Snapshot => {
  const found = Crash.snapshot(scene.home)
  whole(found)
  hasEverythingSeen(found, Crash.seen(scene))
  for (const row of found.artifacts) {
    // a directory is there whole or not at all
    if (Fs.existsSync(Path.dirname(fileOf(scene, row)))) isFileOf(scene, row)
  }
  return found
}

/**
 * What holds once a process that took the run up has ended by itself: nothing is open, and every file is there. Gives the
 * record.
 */
export const afterStop = (scene: Scene): Snapshot => {
  const found = afterKill(scene)
  assert.deepStrictEqual(found.leases, [], "nobody owns the run")
  for (const table of [found.runs, found.calls, found.attempts]) {
    assert.deepStrictEqual(table.filter(({ status }) => status === "running"), [], "nothing is left open")
  }
  const intents = new Set(found.attempts.map((row) => `${Crash.callIdOf(row)} ${row["attempt"]}`))
  for (const { attempt, callId } of Crash.asked(scene)) {
    assert.isTrue(intents.has(`${callId} ${attempt}`), `a request without an intent: ${callId}, ${attempt}`)
  }
  for (const row of found.artifacts) isFileOf(scene, row)
  const leftovers = Fs.readdirSync(scene.home, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".tmp")
  )
  assert.deepStrictEqual(leftovers, [], "nothing half written is left")
  return found
}

/** What holds once a run came to an end that was reported: the money adds up as well. Gives the record. */
export const afterEnd = (scene: Scene, report: Report): Snapshot => {
  const found = afterStop(scene)
  const tree = new Set(found.runs.filter(({ root_run_id }) => root_run_id === report.runId).map(({ id }) => id))
  const spent = found.attempts.filter(({ run_id }) => tree.has(run_id!)).map(spentBy)
  assert.strictEqual(
    spent.reduce((sum, one) => sum + one, 0),
    report.spentTokens,
    "the run spent what its attempts did"
  )
  return found
}

/** The database is sound, and no call is in it by halves. */
export const whole = (found: Snapshot): void => {
  assert.deepStrictEqual(found.integrity, ["ok"])
  assert.deepStrictEqual(found.foreignKeys, [])
  const calls = new Map(found.calls.map((row) => [Crash.callIdOf(row), row]))
  for (const entry of found.cacheEntries) {
    const call = calls.get(Crash.callIdOf(entry))
    assert.strictEqual(call?.["status"], "done", "the cache points at calls that are done")
    assert.strictEqual(call?.["cache_key"], entry["cache_key"])
  }
  const cached = new Set(found.cacheEntries.map(Crash.callIdOf))
  const attempts = byCall(found.attempts)
  const artifacts = byCall(found.artifacts)
  const settled = new Set(found.events.filter(({ type }) => type === "call_settled").map(Crash.callIdOf))
  for (const id of found.done) {
    const call = calls.get(id)!
    assert.isTrue(settled.has(id), "a call that is done has its event")
    const json = call["output_json"]
    // the text around a value is in the record, and its file is the value
    const texts = { prompt: call["prompt"], output_text: json === null ? call["output_text"] : null, output_json: json }
    for (const [kind, text] of Object.entries(texts)) {
      if (typeof text !== "string") continue
      const row = artifacts.get(id)?.find((row) => row["kind"] === kind)
      assert.strictEqual(row?.["sha256"], sha256(text), `${id} has its ${kind}`)
    }
    if (call["source_call_id"] !== null) continue
    assert.strictEqual(attempts.get(id)?.at(-1)?.["status"], "done", "what is done was answered")
    if (call["cache_status"] === "miss") assert.isTrue(cached.has(id), "an answer is shared as soon as it is there")
  }
}

/** Everything the workflow saw is in the record as it saw it; of work that was done again, what it saw last. */
export const hasEverythingSeen = (found: Snapshot, seen: ReadonlyArray<Seen>): void => {
  const calls = new Map(found.calls.map((row) => [Crash.callIdOf(row), row]))
  const last = new Map(seen.map((line) => [line.callId, line]))
  for (const line of seen) {
    const { callId, name, value } = line
    if (name.startsWith("work") && last.get(callId) !== line) continue
    const call = calls.get(callId)
    assert.strictEqual(call?.["status"], "done", `${callId} was seen`)
    const json = call?.["output_json"]
    assert.deepStrictEqual(typeof json === "string" ? JSON.parse(json) : call?.["output_text"], value)
  }
}

const byCall = (rows: ReadonlyArray<Row>): ReadonlyMap<string, ReadonlyArray<Row>> => {
  const groups = new Map<string, Array<Row>>()
  for (const row of rows) groups.set(Crash.callIdOf(row), [...groups.get(Crash.callIdOf(row)) ?? [], row])
  return groups
}

const spentBy = (attempt: Row): number => {
  const reported = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"]
    .reduce((sum, column) => sum + Number(attempt[column]), 0)
  return attempt["status"] === "lost" ? Math.max(Number(attempt["reserved_tokens"]), reported) : reported
}

const isFileOf = (scene: Scene, row: Row): void => {
  const file = fileOf(scene, row)
  const content = Fs.readFileSync(file)
  assert.strictEqual(content.length, row["size_bytes"], file)
  assert.strictEqual(sha256(content), row["sha256"], file)
}

const fileOf = (scene: Scene, row: Row): string =>
  Path.join(Crash.callDirectory(scene, Crash.callIdOf(row)), fileNames[String(row["kind"])]!)

const fileNames: Readonly<Record<string, string>> = {
  prompt: "prompt.txt",
  output_text: "output.txt",
  output_json: "output.json",
  raw: "raw.txt",
  error: "error.txt",
  patch: "patch.diff"
}

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex")

// -----------------------------------------------------------------------------
// requests
// -----------------------------------------------------------------------------

/** A moment a process was killed at: what was done, and how many requests there had been. */
export interface Cut {
  readonly done: ReadonlySet<string>
  readonly requests: number
}

/** Looks at what a process left that was killed, or that stopped by itself. */
export const cut = (scene: Scene, look = afterKill): Cut & { readonly found: Snapshot } => {
  const found = look(scene)
  return { found, done: found.done, requests: Crash.asked(scene).length }
}

/**
 * Nothing that was done at a cut was asked for again after it, and beside what an uninterrupted run asks, only what was
 * under way at a cut was.
 */
export const paidOnce = (scene: Scene, cuts: ReadonlyArray<Cut>, uninterrupted: number): void => {
  const asked = Crash.asked(scene)
  let before = 0
  let wasted = 0
  for (const { done, requests } of cuts) {
    wasted += asked.slice(before, requests).filter(({ callId }) => !done.has(callId)).length
    before = requests
    const again = asked.slice(requests).filter(({ callId }) => done.has(callId))
    assert.deepStrictEqual(again, [], "what is done is not asked for again")
  }
  assert.isAtMost(asked.length, uninterrupted + wasted)
  assert.isAtMost(wasted, cuts.length * mostUnderWay)
  assert.strictEqual(new Set(asked.map(({ attempt, callId }) => `${callId} ${attempt}`)).size, asked.length)
}

/** Requests under way at once in the widest workflow; each of its calls may have been asked twice. */
const mostUnderWay = 10

/** Tokens that so many requests use. */
export const priceOf = (requests: number): number => requests * tokens
