/**
 * `owf eject FILE`: writes a graph as a TypeScript workflow, for whoever wants to go on in code.
 */
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import * as WorkflowFile from "../WorkflowFile.ts"
import { reading } from "./shared.ts"
import { ensureFree, write } from "./writing.ts"

/**
 * Writes a graph as a TypeScript workflow.
 * @category constructors
 * @since 0.1.0
 */
export const eject = Spec.make({
  name: "eject",
  summary: "Write a graph as a TypeScript workflow",
  details: "The program makes the calls the graph makes, under the same keys. Graphs that it runs become part of it; " +
    "scripts stay where they are. The file is yours from then on.",
  positional: { name: "file", description: "A .yaml graph" },
  examples: ["owf eject flow.yaml", "owf eject flow.yaml --out src/flow.ts --force"],
  flags: {
    out: Flag.text("out", "PATH", "The .ts file to write (default: beside the graph, with its name)"),
    force: Flag.flag("force", "Replace a file that exists"),
    ...reading
  }
}, ({ force, json, out }, file) =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const { graphs, shown } = yield* Host
    if (!WorkflowFile.isFlowFile(file)) {
      return yield* Usage.make(`${file} is not a graph.`, "Name a .yaml or .yml file; a program is code already.")
    }
    const target = path.resolve(out ?? file.replace(/\.ya?ml$/i, ".ts"))
    if (!/\.m?ts$/.test(target)) {
      return yield* Usage.make(
        `${out ?? target} is not a TypeScript file.`,
        `Name it ${path.basename(target, path.extname(target))}.ts.`
      )
    }
    yield* ensureFree(target, { force })
    const { made, text, warnings } = yield* graphs.eject(file, target)
    yield* write(target, text, { force })
    if (json) return yield* printJson({ path: target, made_of: made, warnings })
    for (const warning of warnings) yield* note(warning)
    yield* print(shown(target))
    yield* note(`run it with: owf run ${shown(target)}`)
  }))
