/**
 * `owf batch fetch ID`: writes what came of the requests of a batch.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type { BatchHost, BatchRowView, BatchView } from "../BatchView.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { Output, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { batchId, end, lines, next, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"
import { ensureFree } from "./writing.ts"

/**
 * Writes what came of the requests of a batch.
 * @category constructors
 * @since 0.1.0
 */
export const batchFetch = Spec.make({
  name: "batch fetch",
  summary: "Write what came of the requests of a batch",
  details:
    "Rows stand in the order of the prompts and have custom_id, ok, text, value (of answers with a schema), input_tokens, " +
    "output_tokens, cost_usd, error and prompt. Every prompt has a row: also those of a job that failed, expired or was " +
    "cancelled. Ends with 1 when any of them has no answer. Of a batch that is not done yet it says so, and ends with 0.",
  positional: batchId,
  examples: ["owf batch fetch latest", "owf batch fetch latest --out answers.jsonl --force"],
  flags: {
    out: Flag.text("out", "FILE", "Write a line of JSON for each row to this file instead"),
    force: Flag.flag("force", "Replace the file of --out"),
    ...reading
  }
}, ({ force, home, json, out }, id) =>
  Effect.gen(function*() {
    const view = yield* withBatches(home, (batches, home) => batches.advance(home, id))
    if (!view.done) return yield* notReady(view, json, home)
    if (out === undefined) yield* printed(home, view)
    else {
      const path = yield* written(home, view, out, force)
      yield* json ? printJson({ ...headOf(view), path }) : print(told(view, (yield* Host).shown(path)))
    }
    yield* end(view, home)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notReady = (view: BatchView, json: boolean, home: string | undefined) =>
  Effect.gen(function*() {
    const { batch_id, counts, done, raw_status } = view
    if (json) yield* printJson({ batch_id, done, raw_status, counts, problems: view.problems, results: [] })
    else {
      yield* print([`${batch_id}: not ready (${raw_status})`, ...lines(view).slice(1)].join("\n"))
      yield* next(view, home)
    }
    if (view.problems.length > 0) yield* end(view, home)
  })

/** What is said of a batch beside its rows. */
const headOf = ({ batch_id, counts, done, provider, raw_status, status, total_cost_usd }: BatchView) => ({
  batch_id,
  done,
  status,
  raw_status,
  provider,
  counts,
  total_cost_usd
})

const told = ({ count, counts, total_cost_usd }: BatchView, path: string): string => {
  const failed = counts.failed === 0 ? "" : `${counts.failed} failed, `
  return `wrote ${Format.count(count, "result")} to ${path} (${failed}${costOf(total_cost_usd)})`
}

const costOf = (cost: number | null): string =>
  cost === null ? "batch cost unknown" : `est. batch cost ${Format.usd(cost)}`

/** One JSON document, printed a few rows at a time. */
const printed = (home: string | undefined, view: BatchView) =>
  Effect.gen(function*() {
    const output = yield* Output
    const head = JSON.stringify(headOf(view), null, 2)
    yield* output.print(`${head.slice(0, -2)},\n  "results": [`)
    let isFirst = true
    yield* eachRows(home, view.batch_id, (rows) => {
      const texts = rows.map((row) => `    ${JSON.stringify(row)}`).join(",\n")
      const separator = isFirst ? "" : "    ,\n"
      isFirst = false
      return output.print(`${separator}${texts}`)
    })
    yield* output.print("  ]\n}")
  })

/** The file is there whole or not at all; gives its absolute path. */
const written = (home: string | undefined, view: BatchView, out: string, force: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    yield* ensureFree(out, { force })
    const fs = yield* FileSystem.FileSystem
    const { dirname, resolve } = yield* Path.Path
    const path = resolve(out)
    const part = `${path}.${process.pid}.part`
    const cannot = Effect.mapError((error: PlatformError) =>
      Usage.make(`${out} cannot be written: ${error.message}`, "Name another file with --out.")
    )
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(part, { force: true })))
    yield* cannot(fs.makeDirectory(dirname(path), { recursive: true }))
    const file = yield* cannot(fs.open(part, { flag: "w" }))
    const encoder = new TextEncoder()
    yield* eachRows(home, view.batch_id, (rows) =>
      Effect.gen(function*() {
        for (const text of portions(rows)) yield* Effect.orDie(file.writeAll(encoder.encode(text)))
      }))
    yield* cannot(Effect.zipRight(file.sync, fs.rename(part, path)))
    return path
  }))

/** Rows as lines, in texts of a bounded length or one row: long answers are not there all at once as rows and as lines. */
function* portions(rows: ReadonlyArray<BatchRowView>): Generator<string> {
  let text = ""
  for (const row of rows) {
    text += `${JSON.stringify(row)}\n`
    if (text.length < 65_536) continue
    yield text
    text = ""
  }
  if (text !== "") yield text
}

const eachRows = (
  home: string | undefined,
  id: string,
  take: (rows: ReadonlyArray<BatchRowView>) => Effect.Effect<void>
): Effect.Effect<void, unknown, Host> =>
  Effect.gen(function*() {
    const run = Runtime.runPromise(yield* Effect.runtime<never>())
    yield* withBatches(home, (batches: BatchHost, home) => batches.rows(home, id, (rows) => run(take(rows))))
  })
