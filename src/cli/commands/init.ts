/**
 * `owf init`: makes a home.
 */
import * as Effect from "effect/Effect"
import { RunStore } from "../../store/RunStore.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading } from "./shared.ts"

/**
 * Makes a home.
 * @category constructors
 * @since 0.1.0
 */
export const init = Spec.make({
  name: "init",
  summary: "Make the directory of the runs",
  details: "`owf run` makes it too; one that exists is left as it is.",
  examples: ["owf init", "owf init --home ~/runs"],
  flags: reading
}, ({ home, json }) =>
  Effect.gen(function*() {
    const host = yield* Host
    const made = yield* Effect.provide(
      Effect.map(RunStore, (store) => store.home),
      host.store(host.home(home), "write")
    )
    if (json) return yield* printJson({ home: made })
    yield* print(made)
    yield* note("write a workflow with: owf new flow.ts")
  }))
