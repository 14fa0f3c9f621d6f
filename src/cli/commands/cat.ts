/**
 * `owf cat CALL_ID`: prints the answer, the prompt or the raw answer of a call.
 */
import * as Effect from "effect/Effect"
import * as ReportJson from "../../report/ReportJson.ts"
import type { WholeCall } from "../../report/RunReport.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { callId, loadCall, reading, withStore } from "./shared.ts"

/**
 * Prints the answer, the prompt or the raw answer of a call.
 * @category constructors
 * @since 0.1.0
 */
export const cat = Spec.make({
  name: "cat",
  summary: "Print the answer of a call",
  positional: callId,
  examples: ["owf cat latest_call_0001", "owf cat latest_call_0001 --prompt"],
  flags: {
    prompt: Flag.flag("prompt", "The prompt instead of the answer"),
    raw: Flag.flag("raw", "Exactly what the provider sent, as far as it was kept"),
    ...reading
  }
}, ({ home, json, prompt, raw }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      if (prompt && raw) return yield* Usage.make("--prompt and --raw exclude each other.", "Give one of them.")
      const call = yield* loadCall(id)
      if (json) {
        const requests = call.attempts.map((attempt) => ReportJson.attempt(call.id, attempt))
        return yield* printJson({ ...ReportJson.call(call), requests })
      }
      if (prompt) return yield* print(call.prompt)
      if (raw) return yield* print(rawOf(call) ?? "")
      const answer = call.outputText ?? (call.outputJson === null ? undefined : Format.prettyJson(call.outputJson))
      if (answer === undefined) {
        yield* note(
          `Call ${call.id} is ${call.status} and has no answer${call.error === null ? "." : `: ${call.error}`}`
        )
      }
      yield* print(answer ?? "")
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The last answer as it was sent; where it was not kept apart it is the answer itself. */
const rawOf = ({ attempts, outputText }: WholeCall): string | null =>
  attempts.findLast(({ raw }) => raw !== null)?.raw?.text ?? outputText
