/**
 * Fan out over files, then put the answers together.
 *
 * Reads every Markdown file of a directory, asks for a typed summary of each, eight at a time, and then for a synthesis.
 * Interrupt it and resume it: files that were summarised are not asked about again.
 *
 *     owf run examples/04-fan-out.ts --arg directory=docs
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, log, parallel, phase, Workflow } from "open-agent-workflows"

const Summary = Schema.Struct({
  title: Schema.String,
  summary: Schema.String,
  audience: Schema.Literal("users", "contributors", "both")
})

export default Workflow.make({
  name: "summarise-docs",
  description: "Summarise the Markdown files of a directory",
  phases: ["read", "summarise", "synthesise"],
  args: Schema.Struct({ directory: Schema.optionalWith(Schema.String, { default: () => "docs" }) }),
  output: Schema.Struct({
    files: Schema.Array(Schema.String),
    summaries: Schema.Array(Schema.Struct({ file: Schema.String, ...Summary.fields })),
    synthesis: Schema.String
  })
}, function*({ directory }) {
  yield* phase("read")
  const documents = yield* readMarkdown(directory)

  yield* phase("summarise")
  const results = yield* parallel(
    documents.map(({ file, text }) =>
      agent(`Summarise ${file} in two sentences and say whom it is for.\n\n${text}`, {
        label: file,
        schema: Summary,
        // an answer about this file may be used again by other runs until this file changes
        readScope: [file]
      })
    ),
    { concurrency: 8 }
  )
  const summaries = results.flatMap((result, index) =>
    result.ok ? [{ file: documents[index]?.file ?? "", ...result.value }] : []
  )
  if (summaries.length < results.length) {
    yield* log("some files have no summary", { missing: results.length - summaries.length })
  }

  yield* phase("synthesise")
  const list = summaries.map(({ file, summary, title }) => `- ${file} (${title}): ${summary}`).join("\n")
  const synthesis = yield* agent(`Say in one paragraph what these ${summaries.length} documents describe.\n\n${list}`, {
    label: "synthesis",
    readScope: []
  })
  return { files: documents.map(({ file }) => file), summaries, synthesis: synthesis.text }
})

// a program's own effects are not recorded: on resume the files are read again, and a file that changed is a new call
const readMarkdown = (directory: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const entries = yield* fs.readDirectory(directory, { recursive: true })
    const files = entries.filter((entry) => entry.endsWith(".md")).toSorted().map((entry) =>
      path.join(directory, entry)
    )
    return yield* Effect.forEach(files, (file) => Effect.map(fs.readFileString(file), (text) => ({ file, text })), {
      concurrency: 8
    })
  }).pipe(Effect.provide(NodeContext.layer))
