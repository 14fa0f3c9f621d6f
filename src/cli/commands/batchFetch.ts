/**
 * `owf batch fetch ID`: writes what came of the requests of a batch.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type { BatchHost, BatchRowView, BatchView } from "../BatchView.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, Output, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { batchId, end, lines, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

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
    if (!view.done) return yield* notReady(view, json)
    if (out === undefined) yield* printed(home, view)
    else {
      yield* written(home, view, out, force)
      const { shown } = yield* Host
      const cost = Format.usd(view.total_cost_usd)
      const failed = view.counts.failed === 0 ? "" : `${view.counts.failed} failed, `
      yield* (json ? note : print)(`wrote ${view.count} results to ${shown(out)} (${failed}est. batch cost ${cost})`)
    }
    yield* end(view)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notReady = (view: BatchView, json: boolean) =>
  Effect.gen(function*() {
    const { batch_id, counts, done, raw_status } = view
    if (json) yield* printJson({ batch_id, done, raw_status, counts, problems: view.problems, results: [] })
    else yield* print([`${batch_id}: not ready (${raw_status})`, ...lines(view).slice(1)].join("\n"))
    if (view.problems.length > 0) yield* end(view)
  })

/** One JSON document, printed a few rows at a time. */
const printed = (home: string | undefined, view: BatchView) =>
  Effect.gen(function*() {
    const output = yield* Output
    const { batch_id, counts, done, provider, raw_status, status, total_cost_usd } = view
    const head = JSON.stringify({ batch_id, done, status, raw_status, provider, counts, total_cost_usd }, null, 2)
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

/** The file is there whole or not at all. */
const written = (home: string | undefined, view: BatchView, out: string, force: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    if (!force && (yield* fs.exists(out))) {
      return yield* Usage.make(`${out} is there already.`, "Give --force to replace it, or name another file.")
    }
    const part = `${out}.${process.pid}.part`
    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(part, { force: true })))
    const file = yield* fs.open(part, { flag: "w" })
    const encoder = new TextEncoder()
    yield* eachRows(
      home,
      view.batch_id,
      (rows) => Effect.orDie(file.writeAll(encoder.encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))))
    )
    yield* file.sync
    yield* fs.rename(part, out)
  }))

const eachRows = (
  home: string | undefined,
  id: string,
  take: (rows: ReadonlyArray<BatchRowView>) => Effect.Effect<void>
): Effect.Effect<void, unknown, Host> =>
  Effect.gen(function*() {
    const run = Runtime.runPromise(yield* Effect.runtime<never>())
    yield* withBatches(home, (batches: BatchHost, home) => batches.rows(home, id, (rows) => run(take(rows))))
  })
