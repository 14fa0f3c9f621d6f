/**
 * `owf cat CALL_ID`: prints the answer, the prompt or the raw answer of a call.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import type { StoreError } from "../../store/RunStore.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { callId, encode, findCall, reading, withStore } from "./shared.ts"

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
      const call = yield* findCall(id)
      const store = yield* RunStore
      if (json) {
        const attempts = yield* store.attempts(call.id)
        const encoded = attempts.map((attempt) => encode(Records.Attempt, attempt))
        return yield* printJson({ ...encode(Records.Call, call), requests: encoded })
      }
      if (prompt) return yield* print(call.prompt)
      if (raw) return yield* print((yield* rawOf(call)) ?? "")
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
const rawOf = (call: Records.Call): Effect.Effect<string | null, StoreError, RunStore> =>
  Effect.map(
    Effect.flatMap(RunStore, (store) => store.attempts(call.id)),
    (attempts) => attempts.findLast(({ raw }) => raw !== null)?.raw ?? call.outputText
  )
