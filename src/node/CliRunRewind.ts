/**
 * `owf resume RUN --from NODE`: whether a run can go back to a node is said before anything of it is changed.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Usage from "../cli/UsageError.ts"
import type { RunId } from "../domain/Ids.ts"
import * as FlowRewind from "../graph/FlowRewind.ts"
import * as FlowState from "../graph/FlowState.ts"
import { RunStore } from "../store/RunStore.ts"
import type * as Workflow from "../workflow/Workflow.ts"
import type { Loaded } from "./CliRunFile.ts"

/**
 * The workflow of a graph that goes back to a node.
 * @category running
 * @since 0.1.0
 */
export const workflow = ({ flow, path }: Loaded, run: RunId, from: string) =>
  Effect.gen(function*() {
    if (flow === undefined) {
      return yield* Usage.make(
        `--from is for graphs, and ${path} is a program.`,
        "Change what is to be done again and resume the run: calls that ask something else are made again."
      )
    }
    const kept = yield* history(run)
    const place = FlowRewind.placeOf(flow, FlowState.wayOf(kept), from)
    if (Either.isLeft(place)) return yield* Usage.make(place.left.detail, `owf events ${run} --type transition`)
    const flows = yield* Effect.promise(() => import("./FlowNode.ts"))
    return flows.toWorkflow(flow, { from }) satisfies Workflow.Any
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const pageSize = 100

const history = (run: RunId) =>
  Effect.flatMap(RunStore, ({ events }) =>
    FlowState.read((type, each) =>
      Effect.gen(function*() {
        for (let after = 0;;) {
          const page = yield* events(run, { type, after, limit: pageSize })
          page.forEach(each)
          if (page.length < pageSize) return
          after = page.at(-1)?.id ?? after
        }
      })
    ))
