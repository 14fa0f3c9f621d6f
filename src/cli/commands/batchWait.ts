/**
 * `owf batch wait ID`: goes on with a batch until it is done.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Flag from "../Flag.ts"
import { Output, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { batchId, end, lines, next, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

/**
 * Goes on with a batch until it is done.
 * @category constructors
 * @since 0.1.0
 */
export const batchWait = Spec.make({
  name: "batch wait",
  summary: "Wait until a batch is done, and take its results in",
  details:
    "It may be stopped at any time and started again: what was not sent yet is sent, a job whose creation was not answered " +
    "is looked for at the vendor first, and nothing is sent twice. Ends with 1 when requests were not answered.",
  positional: batchId,
  examples: ["owf batch wait latest", "owf batch wait latest --every 60 --timeout 3600"],
  flags: {
    every: Flag.number("every", "SECONDS", "Time between two looks (default: 30)", { least: 0.01, whole: false }),
    timeout: Flag.number("timeout", "SECONDS", "Longest time to wait (default: none)", { least: 0, whole: false }),
    ...reading
  }
}, ({ every = 30, home, json, timeout }, id) =>
  Effect.gen(function*() {
    const output = yield* Output
    const run = Runtime.runFork(yield* Effect.runtime<never>())
    let before = ""
    const view = yield* withBatches(home, (batches, home) =>
      batches.wait(home, id, {
        everySeconds: every,
        timeoutSeconds: timeout,
        standing: (view) => {
          const now = lines(view).join("\n")
          if (now !== before && !view.done) run(output.note(now))
          before = now
        }
      }))
    yield* json ? printJson(view) : print(lines(view).join("\n"))
    if (!json) yield* next(view, home)
    yield* end(view, home)
  }))
