import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, phase, Workflow, workflow } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows/domain/AgentError"
import type { Engine, RunResult } from "open-agent-workflows/workflow/Engine"
import type { Run } from "open-agent-workflows/workflow/Run"
import type { WorkflowError } from "open-agent-workflows/workflow/WorkflowError"
import { expect, test } from "tstyche"

interface Clockwork {
  readonly _: unique symbol
}
declare const Clockwork: Context.Tag<Clockwork, { readonly tick: Effect.Effect<number, "stuck"> }>

const Args = Schema.Struct({
  text: Schema.String,
  count: Schema.optionalWith(Schema.NumberFromString, { default: () => 1 })
})
const Defaults = Schema.Struct({ n: Schema.optionalWith(Schema.Number, { default: () => 1 }) })
const Output = Schema.Array(Schema.Date)

const full = Workflow.make({ name: "full", args: Args, output: Output }, function*({ count, text }) {
  expect(text).type.toBe<string>()
  expect(count).type.toBe<number>()
  yield* phase("one")
  yield* agent(text)
  return [new Date(yield* Effect.flatMap(Clockwork, ({ tick }) => tick))]
})

const bare = Workflow.make({ name: "bare" }, () => Effect.succeed({ a: 1 }))

test("arguments are given encoded; those with defaults may be left out", () => {
  expect(full({ text: "a" })).type.not.toRaiseError()
  expect(full({ text: "a", count: "2" })).type.not.toRaiseError()
  expect(full()).type.toRaiseError()
  expect(full({})).type.toRaiseError()
  expect(full({ text: "a", count: 2 })).type.toRaiseError()
  expect(full({ text: "a", more: 1 })).type.toRaiseError()
})

test("all arguments may be left out where all have defaults, and where there are none", () => {
  const defaults = Workflow.make({ name: "defaults", args: Defaults }, ({ n }) => Effect.succeed(n))
  expect(defaults()).type.not.toRaiseError()
  expect(defaults({})).type.not.toRaiseError()
  expect(defaults({ n: 2 })).type.not.toRaiseError()
  expect(defaults({ n: "2" })).type.toRaiseError()
  expect(bare()).type.not.toRaiseError()
})

test("an application gives the engine and what the body needs, never the run", () => {
  expect(full({ text: "a" })).type.toBe<
    Effect.Effect<ReadonlyArray<Date>, AgentError | "stuck" | WorkflowError, Clockwork | Engine>
  >()
  expect(bare()).type.toBe<Effect.Effect<{ a: number }, WorkflowError, Engine>>()
  expect(Workflow.start(bare, {})).type.toBe<Effect.Effect<RunResult<{ a: number }, never>, WorkflowError, Engine>>()
})

test("a run is started with the arguments the workflow takes, and with no others", () => {
  expect(Workflow.start(full, { text: "a" })).type.not.toRaiseError()
  expect(Workflow.start(full, { text: "a", count: "2" }, { provider: "fake" })).type.not.toRaiseError()
  expect(Workflow.start(full, {})).type.toRaiseError()
  expect(Workflow.start(full, undefined)).type.toRaiseError()
  expect(Workflow.start(full, { text: "a", count: 2 })).type.toRaiseError()
  expect(Workflow.start(full, { text: "a", more: 1 })).type.toRaiseError()
  expect(Workflow.start(full, "a")).type.toRaiseError()
  expect(Workflow.start(bare, undefined)).type.not.toRaiseError()
  expect(Workflow.start(bare, { more: 1 })).type.toRaiseError()
})

test("a run may be started with nothing where every argument has a default", () => {
  const defaults = Workflow.make({ name: "defaults", args: Defaults }, ({ n }) => Effect.succeed(n))
  expect(Workflow.start(defaults, undefined)).type.not.toRaiseError()
  expect(Workflow.start(defaults, { n: 2 })).type.not.toRaiseError()
  expect(Workflow.start(defaults, { n: "2" })).type.toRaiseError()
})

test("a workflow whose types are not known is started with anything; it checks it itself", () => {
  const loaded: Workflow.Any = undefined as never
  const anything: unknown = undefined
  expect(Workflow.start(loaded, anything)).type.toBe<
    Effect.Effect<RunResult<unknown, unknown>, WorkflowError, Exclude<unknown, Run> | Engine>
  >()
})

test("the output is that of the schema, else that of the body", () => {
  const typed = Workflow.make({ name: "typed", output: Schema.NumberFromString }, () => Effect.succeed(1))
  expect(typed()).type.toBe<Effect.Effect<number, WorkflowError, Engine>>()
  const untyped = Workflow.make({ name: "untyped" }, function*() {
    const { value } = yield* agent("…", { schema: Schema.Boolean })
    return value
  })
  expect(untyped()).type.toBe<Effect.Effect<boolean, AgentError | WorkflowError, Engine>>()
  const nothing = Workflow.make({ name: "nothing" }, function*() {
    yield* phase("one")
  })
  expect(nothing()).type.toBe<Effect.Effect<void, WorkflowError, Engine>>()
})

test("a body that returns something else than its schema says is an error", () => {
  expect(Workflow.make({ name: "wrong", output: Schema.Number }, () => Effect.succeed("1"))).type.toRaiseError()
  expect(Workflow.make({ name: "wrong", output: Schema.Number }, function*() {
    return "1"
  })).type.toRaiseError()
})

test("a body sees the arguments its schema says, and no others", () => {
  expect(Workflow.make({ name: "wrong", args: Args }, ({ text }) => Effect.succeed(text.length))).type.not
    .toRaiseError()
  expect(Workflow.make({ name: "wrong", args: Args }, ({ txet }) => Effect.succeed(txet))).type.toRaiseError()
  expect(Workflow.make({ name: "wrong" }, ({ text }) => Effect.succeed(text))).type.toRaiseError()
})

test("a schema with requirements is refused", () => {
  const needy: Schema.Schema<string, string, "Service"> = undefined as never
  expect(Workflow.make({ name: "wrong", output: needy }, () => Effect.succeed("1"))).type.toRaiseError()
})

test("a child run needs the run it is part of, and keeps its own errors and requirements", () => {
  expect(workflow(full, { text: "a" })).type.toBe<
    Effect.Effect<ReadonlyArray<Date>, AgentError | "stuck" | WorkflowError, Clockwork | Engine | Run>
  >()
  expect(workflow(bare)).type.toBe<Effect.Effect<{ a: number }, WorkflowError, Engine | Run>>()
  expect(workflow(full)).type.toRaiseError()
})

test("any workflow is a workflow of unknown types", () => {
  expect<Workflow.Any>().type.toBeAssignableFrom<typeof full>()
  expect<Workflow.Any>().type.toBeAssignableFrom<typeof bare>()
})
