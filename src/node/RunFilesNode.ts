/**
 * Writes run directories with synchronous file calls in small batches, driven by the events of the store.
 *
 * A call's directory is built under a temporary name and renamed, so it is there whole or not at all; files of the run
 * itself are renamed into place one by one. Each settled call has an event, and the number of the last one written is
 * the only progress there is to know: after a crash it starts from nothing and what is up to date is left alone.
 * Between batches of a few milliseconds everything else has its turn.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { callId, splitCallId } from "../domain/Ids.ts"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Run } from "../domain/Records.ts"
import * as SystemError from "../internal/systemError.ts"
import { FailPoint } from "../store/FailPoint.ts"
import { RunFiles } from "../store/RunFiles.ts"
import type { CallFiles } from "../store/RunStore.ts"
import { RunStore, StoreError } from "../store/RunStore.ts"
import * as ProcessOwner from "./ProcessOwner.ts"

/**
 * Run directories below `<home>/runs`.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: { readonly home: string }): Layer.Layer<RunFiles, never, RunStore> =>
  Layer.effect(
    RunFiles,
    Effect.gen(function*() {
      const store = yield* RunStore
      const failPoint = yield* FailPoint
      const runs = Path.resolve(options.home, "runs")
      const directory = (id: RunId) => Path.join(runs, id)
      const callsDirectory = (id: RunId) => Path.join(directory(id), "calls")

      const writeCall = (id: RunId, files: CallFiles): void => {
        const target = Path.join(callsDirectory(id), callId(id, files.index))
        const entries = entriesOf(files)
        if (entries.length === 0 || isCurrent(target, entries)) return
        replaceDirectory(target, entries, (moment) => failPoint.hit("files.call", moment))
      }

      /** Writes what was settled after a cursor and moves it on; `pause` is how long everything else comes first. */
      const drain = Effect.fnUntraced(
        function*(id: RunId, at: Cursor, pause: (spentMillis: number) => Effect.Effect<void>) {
          while (true) {
            const batch = yield* store.settledAfter(id, at.cursor, rowsAtATime)
            if (batch.length > 0) yield* own(id)
            for (let next = 0; next < batch.length;) {
              const began = performance.now()
              next = yield* attempt(directory(id), () => writeSome(batch, next, (files) => writeCall(id, files)))
              at.cursor = batch[next - 1]?.cursor ?? at.cursor
              yield* pause(performance.now() - began)
            }
            if (batch.length === 0) return
          }
        }
      )

      const own = (id: RunId) =>
        attempt(directory(id), () => {
          const strange = [directory(id), callsDirectory(id)].find(isStrange)
          if (strange !== undefined) throw strangeError(strange)
          return directory(id)
        })

      const writeRun = Effect.fnUntraced(function*(id: RunId) {
        const run = yield* Effect.catchTag(store.run(id), "RunNotFound", (error) =>
          new StoreError({ reason: "Invalid", path: directory(id), detail: error.message }))
        const target = yield* own(id)
        yield* attempt(target, () => {
          Fs.mkdirSync(target, { recursive: true, mode: 0o700 })
          for (const [name, text] of runEntries(run)) {
            const file = Path.join(target, name)
            if (text === null) {
              Fs.rmSync(file, { recursive: true, force: true })
            } else if (!isFileWith(file, text)) {
              replaceFile(file, text, (moment) =>
                failPoint.hit("files.run", moment))
            }
          }
        })
      })

      const prepare = (id: RunId) =>
        Effect.flatMap(own(id), (target) =>
          attempt(target, () => {
            Fs.mkdirSync(callsDirectory(id), { recursive: true, mode: 0o700 })
            sweep(target)
            sweep(callsDirectory(id))
          }))

      const follow = Effect.fn("RunFiles.follow")(function*(id: RunId) {
        const at: Cursor = { cursor: 0 }
        yield* logged(Effect.zipRight(prepare(id), writeRun(id)))
        yield* Effect.addFinalizer(() =>
          logged(Effect.zipRight(drain(id, at, () => turn), writeRun(id)))
        )
        yield* logged(drain(id, at, rest)).pipe(
          Effect.zipLeft(Effect.sleep(interval)),
          Effect.forever,
          Effect.withClock(realClock),
          // a run is followed from where it cannot be interrupted, and a fiber takes that over from who starts it
          Effect.interruptible,
          Effect.forkScoped
        )
      })

      const flush = Effect.fn("RunFiles.flush")(function*(id: RunId) {
        yield* prepare(id)
        yield* drain(id, { cursor: 0 }, () => turn)
        yield* writeRun(id)
      })

      return {
        directory,
        own,
        callDirectory: (id: CallId) => Path.join(callsDirectory(splitCallId(id).runId), id),
        follow,
        flush
      }
    })
  )

// -----------------------------------------------------------------------------
// pace
// -----------------------------------------------------------------------------

const rowsAtATime = 64

const interval = 250

const sliceMillis = 4

// a live run gets nineteen twentieths of the time while its files are behind, which with agents that take seconds they never are
const rest = (spentMillis: number) => Effect.sleep(Math.max(50, spentMillis * 19))

/** How far the files of a run have come. */
interface Cursor {
  cursor: number
}

// files are written in real time, also when a test holds the clock
const realClock = Clock.make()

const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Writes from `next` on until the slice of time is used up and returns where it stopped. */
const writeSome = (batch: ReadonlyArray<CallFiles>, next: number, write: (files: CallFiles) => void): number => {
  const until = performance.now() + sliceMillis
  let at = next
  do {
    const files = batch[at]
    if (files === undefined) break
    write(files)
    at++
  } while (performance.now() < until)
  return at
}

// a run does not depend on its files (F1), so a failure is said once per try and the next try goes on
const logged = <A>(effect: Effect.Effect<A, StoreError>): Effect.Effect<void> =>
  Effect.catchAll(Effect.asVoid(effect), (error) => Effect.logWarning("Files of the run were not written.", error))

const attempt = <A>(path: string, body: () => A): Effect.Effect<A, StoreError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(body())
    } catch (error) {
      if (error instanceof StoreError) return Effect.fail(error)
      return SystemError.is(error) ? Effect.fail(fileError(path, error)) : Effect.die(error)
    }
  })

const fileError = (path: string, error: Error & { readonly code: string }): StoreError =>
  new StoreError({
    reason: reasons[error.code] ?? "Io",
    path,
    detail: `Cannot write the files of the run in ${path}: ${error.message}. ` +
      "The run itself is in the database, and its files can be written again.",
    cause: error
  })

const isStrange = (directory: string): boolean =>
  Fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === false

const strangeError = (path: string): StoreError =>
  new StoreError({
    reason: "NotADirectory",
    path,
    detail: `${path} is a link or something else than a directory, and nothing is written there. ` +
      "Remove it; the run itself is in the database, and its files can be written again."
  })

const reasons: Readonly<Record<string, StoreError["reason"]>> = {
  ENOSPC: "DiskFull",
  EDQUOT: "DiskFull",
  EROFS: "ReadOnly",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  ENOTDIR: "NotADirectory"
}

// -----------------------------------------------------------------------------
// files
// -----------------------------------------------------------------------------

type Entry = readonly [name: string, text: string]

const entriesOf = (files: CallFiles): ReadonlyArray<Entry> =>
  ([
    ["prompt.txt", files.prompt],
    ["output.txt", files.outputText],
    ["output.json", files.outputJson],
    ["raw.txt", files.raw],
    ["error.txt", files.error],
    ["patch.diff", files.patch]
  ] as const).flatMap(([name, text]): ReadonlyArray<Entry> => (text === null ? [] : [[name, text]]))

// by content: a call that was made again may have given another answer of the same size
const isCurrent = (directory: string, entries: ReadonlyArray<Entry>): boolean =>
  Fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === true &&
  Fs.readdirSync(directory).length === entries.length &&
  entries.every(([name, text]) => isFileWith(Path.join(directory, name), text))

// looked at before it is opened, because opening a named pipe or a link would be somebody else's choice
const isFileWith = (file: string, text: string): boolean => {
  const found = Fs.lstatSync(file, { throwIfNoEntry: false })
  return found !== undefined && found.isFile() && found.size === Buffer.byteLength(text) &&
    Fs.readFileSync(file, "utf8") === text
}

const temporaryName = (target: string): string =>
  Path.join(Path.dirname(target), `.${Path.basename(target)}.${process.pid}.tmp`)

type Hit = (moment: "before" | "after") => void

const replaceDirectory = (target: string, entries: ReadonlyArray<Entry>, hit: Hit): void => {
  const temporary = temporaryName(target)
  makeDirectory(temporary)
  for (const [name, text] of entries) Fs.writeFileSync(Path.join(temporary, name), text, { mode: 0o600 })
  hit("before")
  try {
    Fs.renameSync(temporary, target)
  } catch (error) {
    if (!SystemError.is(error) || !/^(?:ENOTEMPTY|EEXIST|ENOTDIR|EPERM)$/.test(error.code)) throw error
    Fs.rmSync(target, { recursive: true, force: true })
    Fs.renameSync(temporary, target)
  }
  hit("after")
}

const makeDirectory = (temporary: string): void => {
  try {
    Fs.mkdirSync(temporary, { mode: 0o700 })
  } catch (error) {
    if (!SystemError.is(error) || error.code !== "EEXIST") throw error
    Fs.rmSync(temporary, { recursive: true, force: true })
    Fs.mkdirSync(temporary, { mode: 0o700 })
  }
}

const replaceFile = (file: string, text: string, hit: Hit): void => {
  const temporary = temporaryName(file)
  Fs.rmSync(temporary, { force: true })
  Fs.writeFileSync(temporary, text, { mode: 0o600, flag: "wx" })
  if (Fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true) Fs.rmSync(file, { recursive: true })
  hit("before")
  Fs.renameSync(temporary, file)
  hit("after")
}

/** Removes what interrupted writers left; what a living process is writing is its own. */
const sweep = (directory: string): void => {
  for (const name of Fs.readdirSync(directory)) {
    const pid = /\.(\d+)\.tmp$/.exec(name)?.[1]
    if (pid === undefined || (Number(pid) !== process.pid && ProcessOwner.exists(Number(pid)))) continue
    Fs.rmSync(Path.join(directory, name), { recursive: true, force: true })
  }
}

// -----------------------------------------------------------------------------
// the run's own files
// -----------------------------------------------------------------------------

const runEntries = (run: Run): ReadonlyArray<readonly [name: string, text: string | null]> => [
  ["manifest.json", manifest(run)],
  ["summary.md", summary(run)],
  ["output.json", run.outputJson === null ? null : `${run.outputJson}\n`]
]

const manifest = (run: Run): string => {
  const facts = JSON.stringify({
    run_id: run.id,
    root_run_id: run.rootRunId,
    parent_run_id: run.parentRunId,
    created_at: run.createdAt,
    workflow: { name: run.workflowName, description: run.workflowDescription },
    script_path: run.scriptPath,
    script_hash: run.scriptHash,
    provider: run.provider,
    model: run.model,
    cache_policy: run.cachePolicy,
    budget: { total_tokens: run.budgetTotalTokens, total_cost_usd: run.budgetTotalCostUsd }
  })
  // the arguments are JSON already
  return `${facts.slice(0, -1)},"args":${run.argsJson}}\n`
}

const summary = (run: Run): string => {
  const facts: ReadonlyArray<readonly [string, string | null]> = [
    ["Status", run.status],
    ["Run", run.id],
    ["Attempt", String(run.attempt)],
    ["Script", run.scriptPath],
    ["Provider", run.provider],
    ["Model", run.model],
    ["Started", run.startedAt],
    ["Completed", run.completedAt],
    ["Budget spent", `${run.budgetSpentTokens} tokens, ${run.budgetSpentCostUsd} USD`],
    ["Error", run.errorMessage],
    ["Output", run.outputJson === null ? null : "output.json"]
  ]
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`- ${name}: ${oneLine(value)}`]))
  const description = run.workflowDescription === null ? [] : [oneLine(run.workflowDescription), ""]
  return [`# ${oneLine(run.workflowName)}`, "", ...description, ...lines, ""].join("\n")
}

// a value with line ends could pass for another heading or list
const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()
