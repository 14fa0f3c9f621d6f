/**
 * `owf report RUN_ID`: writes or prints everything about a run.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Html from "../../report/Html.ts"
import * as Markdown from "../../report/Markdown.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { RunReport } from "../../report/RunReport.ts"
import { RunFiles } from "../../store/RunFiles.ts"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import type { UsageError } from "../UsageError.ts"
import * as Usage from "../UsageError.ts"
import { loadReport, reading, runId, withStore } from "./shared.ts"

/**
 * Writes or prints everything about a run.
 * @category constructors
 * @since 0.1.0
 */
export const report = Spec.make({
  name: "report",
  summary: "Write a report of a run, as Markdown or as a page",
  details: "The report goes into the run's directory, and its path is printed. The page is one file that opens from " +
    "disk and loads nothing.",
  positional: runId,
  examples: [
    "owf report latest --html",
    "owf report latest --out report.md",
    "owf report latest --github --stdout | gh pr comment --body-file -"
  ],
  flags: {
    html: Flag.flag("html", "A page for a browser instead of Markdown"),
    github: Flag.flag("github", "Markdown for a comment on GitHub: folded details, never too long for one"),
    out: Flag.text("out", "PATH", "Write to this file instead of the run's directory"),
    stdout: Flag.flag("stdout", "Print the report and write no file"),
    ...reading
  }
}, ({ github, home, html, json, out, stdout }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      yield* refuse(html && github, "--html and --github")
      yield* refuse(stdout && out !== undefined, "--stdout and --out")
      yield* refuse(json && (html || github || stdout || out !== undefined), "--json and the other forms")
      const loaded = yield* loadReport(id, home)
      if (json) return yield* printJson(ReportJson.encode(loaded))
      const text = html ? yield* pageOf(loaded) : Markdown.render(loaded, { github })
      if (stdout) return yield* print(text.replace(/\n$/, ""))
      const { shown } = yield* Host
      const path = yield* Path.Path
      const name = html ? "report.html" : github ? "report-github.md" : "report.md"
      const target = out === undefined
        ? path.join(yield* (yield* RunFiles).own(loaded.run.id), name)
        : path.resolve(out)
      yield* Effect.mapError(
        write(target, text),
        (error) => Usage.make(`${target} cannot be written: ${error.message}`)
      )
      yield* print(shown(target))
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const refuse = (both: boolean, names: string): Effect.Effect<void, UsageError> =>
  both ? Usage.make(`${names} exclude each other.`, "Give one of them.") : Effect.void

const pageOf = (loaded: RunReport) =>
  Effect.gen(function*() {
    const { viewer } = yield* Host
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const [script, style] = yield* Effect.orDie(Effect.all([
      fs.readFileString(path.join(viewer, "report.js")),
      fs.readFileString(path.join(viewer, "report-style.css"))
    ]))
    return Html.render(loaded, { script, style })
  })

/** The file is there whole or not at all, and only its owner reads it: prompts and answers are in it. */
const write = (target: string, text: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = path.dirname(target)
    yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 })
    const suffix = yield* Random.nextIntBetween(0, 0x40000000)
    const temporary = path.join(directory, `.${path.basename(target)}.x${suffix.toString(36)}.tmp`)
    yield* fs.writeFileString(temporary, text, { flag: "wx", mode: 0o600 }).pipe(
      Effect.zipRight(fs.rename(temporary, target)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
  })
