import * as Effect from "effect/Effect"
import type { Plan } from "../../src/cli/DryRunView.ts"
import * as CliRunFile from "../../src/node/CliRunFile.ts"
import type { Request } from "../../src/node/DryRun.ts"
import * as DryRun from "../../src/node/DryRun.ts"
import * as Owf from "../../src/node/Owf.ts"
import { RunStore } from "../../src/store/RunStore.ts"
import * as Workflow from "../../src/workflow/Workflow.ts"
import { directoryWith } from "./node.ts"

/** What a run of a file would come to. */
export const plan = (file: string, asked: Omit<Request, "file"> = {}): ReturnType<typeof DryRun.plan> =>
  DryRun.plan({ ...asked, file })

/** The calls of a plan, in an order of their own. */
export const callsOf = ({ tree }: Plan): ReadonlyArray<string> => {
  const below = (run: Plan["tree"]): ReadonlyArray<string> => [
    ...run.calls.map(({ label, phase, status }) => `${phase}/${label}: ${status}`),
    ...run.children.flatMap(below)
  ]
  return below(tree).toSorted()
}

/** The calls a run of a file makes on the offline provider, those of its children included. */
export const callsOfRun = (file: string, cwd: string, args: object) =>
  Effect.gen(function*() {
    const loaded = yield* CliRunFile.load(file)
    // the requirements of a workflow that was loaded are not known; those of these are an engine
    const started = Workflow.start(loaded.workflow, args) as Effect.Effect<
      { readonly status: string },
      unknown,
      Owf.Owf
    >
    const { status } = yield* started
    const store = yield* RunStore
    const runs = yield* store.runs({ children: true })
    const calls = (yield* Effect.forEach(runs, ({ id }) => store.calls(id))).flat()
    return {
      status,
      calls: calls.map(({ label, phase, status }) => `${phase}/${label}: ${status}`).toSorted()
    }
  }).pipe(Effect.provide(Owf.layer({ home: directoryWith({}), cwd, provider: "fake" })))
