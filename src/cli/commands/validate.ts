/**
 * `owf validate FILE`: loads a workflow file, checks its types and shows what it declares, without running it.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Exited, Host } from "../Host.ts"
import * as Spec from "../Spec.ts"

/**
 * Loads a workflow file and shows what it declares, without running it.
 * @category constructors
 * @since 0.1.0
 */
export const validate = Spec.make({
  name: "validate",
  summary: "Check a workflow file and show the arguments it takes",
  details: "The file is imported, so its top level runs; the body of the workflow does not. " +
    "Where TypeScript is installed in the file's project, the types are checked as well, and every error is named with " +
    "its file and line. Of a graph, all that is wrong is named with its line.",
  positional: {
    name: "file",
    description: "A .ts, .mts, .js or .mjs file that exports a workflow as its default, or a .yaml graph"
  },
  examples: ["owf validate flow.ts", "owf validate flow.ts --no-types", "owf validate flow.yaml --json"],
  flags: {
    noTypes: Flag.flag("no-types", "Leave the types unchecked"),
    json: Flag.json,
    home: Flag.home,
    debug: Flag.debug
  }
}, (options, file) =>
  Effect.gen(function*() {
    const { loader } = yield* Host
    const code = yield* loader.validate({ ...options, file })
    if (code !== 0) return yield* new Exited({ code })
  }))
