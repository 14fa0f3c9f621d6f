import * as Fs from "node:fs"
import * as Path from "node:path"
import type { CliFormat, Completion, End, Problem } from "../../src/provider/CliFormat.ts"
import type { Session } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import { root } from "../lib/node.ts"

const directory = Path.join(root, "test/fixtures/cli")

/** Names of everything that was recorded, without endings; help texts are none of it. */
export const names: ReadonlyArray<string> = [
  ...new Set(
    Fs.readdirSync(directory).flatMap((file) => file.endsWith(".txt") ? [] : [file.replace(/\.[a-z]+$/, "")])
  )
].toSorted()

/** A recorded file; empty when there is none. */
export const text = (file: string): string => {
  const path = Path.join(directory, file)
  return Fs.existsSync(path) ? Fs.readFileSync(path, "utf8") : ""
}

/** The exit code of a recorded run. */
export const code = (name: string): number => Number(/\brc=(\d+)/.exec(text(`${name}.rc`))?.[1])

/** When the runs were recorded. */
export const nowMillis = Date.parse("2026-11-20T22:14:05Z")

/** An end by itself, with nothing on the error output. */
export const ended = (fields: Partial<End> = {}): End => ({
  code: 0,
  signal: null,
  endedBy: "itself",
  stderr: "",
  outputBytes: 0,
  nowMillis,
  ...fields
})

/** What came of an output. */
export interface Read {
  readonly completion: Completion | undefined
  readonly problem: Problem | undefined
  readonly session: string | undefined
  readonly isComplete: boolean
  /** Output tokens, each time they were told. */
  readonly told: ReadonlyArray<number>
}

export const newSession = "11111111-2222-4333-8444-555555555555"

/** Reads lines as the provider does. */
export const fold = (
  format: CliFormat,
  lines: ReadonlyArray<string>,
  end: Partial<End> = {},
  session?: Session
): Read => {
  const events = format.events(ProviderContract.request({ session }), newSession)
  const told: Array<number> = []
  let id: string | undefined
  let isComplete = false
  for (const line of lines) {
    const next = events.next(line)
    id ??= next.session
    if (next.usage !== undefined) told.push(next.usage.outputTokens)
    isComplete = next.isComplete
    if (isComplete) break
  }
  const completion = events.completion(ended(end))
  const problem = completion === undefined ? format.failure(ended(end)) : completion.problem
  return { completion, problem, session: id, isComplete, told }
}

/** Reads a recorded run. */
export const read = (format: CliFormat, name: string, end: Partial<End> = {}, session?: Session): Read =>
  fold(format, text(`${name}.out`).split("\n"), { code: code(name), stderr: text(`${name}.err`), ...end }, session)

/** The long flags of arguments, as they are written in a help text. */
export const flagsOf = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.filter((arg) => arg.startsWith("-")).map((arg) => arg.replace(/=.*$/s, ""))
