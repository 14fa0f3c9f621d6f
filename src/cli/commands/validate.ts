/**
 * `owf validate FILE`: loads a workflow file, checks its types and shows what it declares, without running it.
 */
import * as Flag from "../Flag.ts"
import * as Spec from "../Spec.ts"
import * as Loading from "./loading.ts"
import { reading } from "./shared.ts"

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
  positional: Loading.workflowFile,
  examples: ["owf validate flow.ts", "owf validate flow.ts --no-types", "owf validate flow.yaml --json"],
  flags: {
    noTypes: Flag.flag("no-types", "Leave the types unchecked"),
    ...reading
  }
}, (options, file) => Loading.endWith(({ loader }) => loader.validate({ ...options, file })))
