/**
 * `owf diff CALL_ID`: prints what a call changed.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { callId, encode, findCall, reading, withStore } from "./shared.ts"

/**
 * Prints what a call changed.
 * @category constructors
 * @since 0.1.0
 */
export const diff = Spec.make({
  name: "diff",
  summary: "Print what a call changed, as a patch",
  details: "Files that the repository's rules ignore are in no patch; `owf cat CALL_ID --json` names them.",
  positional: callId,
  examples: ["owf diff latest_call_0001", "owf diff latest_call_0001 | git apply --check"],
  flags: reading
}, ({ home, json }, id) =>
  Effect.gen(function*() {
    const host = yield* Host
    const call = yield* withStore(home, findCall(id))
    const patch = yield* host.trees.diff(host.home(home), call.id)
    if (json) {
      const { base_commit, head_commit, worktree_branch, worktree_path } = encode(Records.Call, call)
      const facts = { base_commit, head_commit, worktree_branch, worktree_path, changed_files: call.changedFiles }
      return yield* printJson({ call_id: call.id, ...facts, patch })
    }
    if (patch !== null) return yield* print(patch.replace(/\n$/, ""))
    yield* note(
      call.changedFiles === null
        ? `Nobody looked at what call ${call.id} changed.`
        : call.changedFiles.length === 0
        ? `Call ${call.id} changed nothing.`
        : `Call ${call.id} changed only what is in no patch: ${call.changedFiles.map(({ path }) => path).join(", ")}`
    )
  }))
