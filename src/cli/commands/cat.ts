/**
 * `owf cat CALL_ID`: prints the answer, the prompt or the raw answer of a call.
 */
import * as Effect from "effect/Effect"
import * as Commands from "../../report/Commands.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { WholeCall } from "../../report/RunReport.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { callId, loadCall, named, reading, withStore } from "./shared.ts"

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
      const sent = rawOf(call)
      const { home: flag } = yield* named(home)
      const ways = Commands.make({ id: call.runId, resumeCommand: null }, flag)
      const details = `All that is known of it: ${Commands.forCall(ways.details, call.id)}`
      if (raw && sent === null) {
        return yield* Usage.make(`Of call ${call.id}, which is ${call.status}, nothing that was sent is kept.`, details)
      }
      if (raw) return yield* print(sent ?? "")
      const answer = call.outputText ?? (call.outputJson === null ? undefined : Format.prettyJson(call.outputJson))
      if (answer !== undefined) return yield* print(answer)
      return yield* Usage.make(
        `Call ${call.id} is ${call.status} and has no answer${call.error === null ? "." : `: ${call.error}`}`,
        ...(sent === null ? [] : [`What its provider sent is kept: ${Commands.forCall(ways.raw, call.id)}`]),
        details
      )
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The last answer as it was sent; where it was not kept apart it is the answer itself. */
const rawOf = ({ attempts, outputText }: WholeCall): string | null =>
  attempts.findLast(({ raw }) => raw !== null)?.raw?.text ?? outputText
