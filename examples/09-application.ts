/**
 * A workflow inside an application.
 *
 * A workflow inside a program: it requires a service of the program's own, and the program adds timeouts, retries and Layers.
 * `main` needs nothing but an engine, which `Owf.layer` provides here and `OwfTest.layer` in a test.
 *
 *     node --import open-agent-workflows/node/register examples/09-application.ts
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { pathToFileURL } from "node:url"
import { agent, AgentResult, Owf, Workflow } from "open-agent-workflows"

export class TrackerError extends Schema.TaggedError<TrackerError>()("TrackerError", { detail: Schema.String }) {}

interface Ticket {
  readonly id: string
  readonly text: string
}

/** The program's own service; a real one would talk to an issue tracker. */
export class Tracker extends Context.Tag("example/Tracker")<Tracker, {
  readonly open: Effect.Effect<ReadonlyArray<Ticket>, TrackerError>
  readonly label: (id: string, label: string) => Effect.Effect<void, TrackerError>
  readonly labels: Effect.Effect<Readonly<Record<string, string>>>
}>() {}

/** Its type says what it needs (`Tracker`, an engine) and how it can fail (`TrackerError`, a `WorkflowError`). */
export const triage = Workflow.make({
  name: "triage",
  description: "Label the open tickets of the tracker",
  args: Schema.Struct({ limit: Schema.Number })
}, function*({ limit }) {
  const tracker = yield* Tracker
  const tickets = yield* tracker.open.pipe(
    Effect.retry(Schedule.exponential("100 millis").pipe(Schedule.intersect(Schedule.recurs(3))))
  )
  return yield* Effect.forEach(tickets.slice(0, limit), ({ id, text }) =>
    Effect.gen(function*() {
      const result = yield* AgentResult.settle(agent(`Label this ticket as bug or feature: ${text}`, {
        label: id,
        schema: Schema.Literal("bug", "feature"),
        timeout: "1 minute"
      }))
      // only calls are recorded: after a crash this line runs again, so it has to be safe to repeat
      if (result.ok) yield* tracker.label(id, result.value)
      return { id, status: result.status }
    }), { concurrency: 4 })
})

const TrackerInMemory: Layer.Layer<Tracker> = Layer.effect(
  Tracker,
  Effect.map(Ref.make<Readonly<Record<string, string>>>({}), (labels) => ({
    open: Effect.succeed([{ id: "T1", text: "It crashes on start" }, { id: "T2", text: "Add a dark theme" }]),
    label: (id: string, label: string) => Ref.update(labels, (all) => ({ ...all, [id]: label })),
    labels: Ref.get(labels)
  }))
)

export const main = Effect.gen(function*() {
  const triaged = yield* triage({ limit: 10 }).pipe(Effect.timeout("5 minutes"))
  const labels = yield* Effect.flatMap(Tracker, (tracker) => tracker.labels)
  return { triaged, labels }
}).pipe(Effect.provide(TrackerInMemory))

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await Effect.runPromise(main.pipe(
    Effect.flatMap((result) => Console.log(JSON.stringify(result, null, 2))),
    Effect.provide(Owf.layer({ budget: { tokens: 50_000 } }))
  ))
}
