/**
 * `owf apply CALL_ID`: brings what an isolated call did into the files of the working directory, or onto a branch.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { callId, findCall, reading, withStore } from "./shared.ts"

/**
 * Brings what an isolated call did into the files of the working directory, or onto a branch.
 * @category constructors
 * @since 0.1.0
 */
export const apply = Spec.make({
  name: "apply",
  summary: "Bring what an isolated call did into your files, or onto a branch",
  details:
    "It is a three-way merge of what the call changed. Where it conflicts, or changes of yours that are not committed are " +
    "in its way, nothing is changed. The files are staged; a branch that is not checked out gets a commit.",
  positional: callId,
  examples: ["owf apply latest_call_0001", "owf apply latest_call_0001 --branch agents"],
  flags: {
    branch: Flag.text("branch", "NAME", "Branch to apply it to (default: what is checked out)"),
    ...reading
  }
}, ({ branch, home, json }, id) =>
  Effect.gen(function*() {
    const host = yield* Host
    const call = yield* withStore(home, findCall(id))
    const applied = yield* host.trees.apply(host.home(home), call.id, branch)
    if (json) return yield* printJson({ call_id: call.id, ...applied })
    switch (applied.applied) {
      case "already":
        return yield* note("It is all there already.")
      case "commit":
        yield* note(`Made commit ${applied.commit} on ${applied.branch}, which changes:`)
        break
      case "files":
        yield* note(`Changed and staged${placeOf(host.shown(applied.root ?? "."))}:`)
    }
    yield* print(applied.files.join("\n"))
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const placeOf = (shown: string): string => shown === "" || shown === "." ? "" : ` in ${shown}`
