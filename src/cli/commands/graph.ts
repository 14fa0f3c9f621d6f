/**
 * `owf graph FILE`: draws a workflow, as Mermaid or DOT.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading } from "./shared.ts"
import { write } from "./writing.ts"

/**
 * Draws a workflow.
 * @category constructors
 * @since 0.1.0
 */
export const graph = Spec.make({
  name: "graph",
  summary: "Draw a workflow, as Mermaid or DOT",
  details: "Of a graph every node and every way is drawn, with the graphs it runs. " +
    "Of a TypeScript workflow its name, its arguments and its phases are, because its body is not run.",
  positional: {
    name: "file",
    description: "A .yaml graph, or a .ts, .mts, .js or .mjs file that exports a workflow as its default"
  },
  examples: ["owf graph flow.yaml", "owf graph flow.yaml --format dot | dot -Tsvg > flow.svg"],
  flags: {
    format: Flag.choice(
      "format",
      "Language of the drawing: mermaid, dot (default: mermaid)",
      ["mermaid", "dot"],
      "NAME"
    ),
    out: Flag.text("out", "PATH", "File to write instead of printing"),
    force: Flag.flag("force", "Replace a file that exists"),
    ...reading
  }
}, ({ force, format = "mermaid", json, out }, file) =>
  Effect.gen(function*() {
    const { graphs, shown } = yield* Host
    const { text, warnings } = yield* graphs.draw(file, format)
    if (!json) { for (const warning of warnings) yield* note(warning) }
    const path = out === undefined ? null : yield* write(out, text, { force })
    if (json) return yield* printJson({ format, path, warnings, ...path === null ? { text } : {} })
    yield* print(path === null ? text.replace(/\n$/, "") : shown(path))
  }))
