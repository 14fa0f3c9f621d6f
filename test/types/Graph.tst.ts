import * as Effect from "effect/Effect"
import { Owf } from "open-agent-workflows"
import type { Flow, Json } from "open-agent-workflows/graph/Flow"
import type { FlowFailure, Passed } from "open-agent-workflows/graph/FlowFailure"
import * as FlowSteps from "open-agent-workflows/graph/FlowSteps"
import * as FlowNode from "open-agent-workflows/node/FlowNode"
import type { Engine } from "open-agent-workflows/workflow/Engine"
import type { Run } from "open-agent-workflows/workflow/Run"
import * as Workflow from "open-agent-workflows/workflow/Workflow"
import type { WorkflowError } from "open-agent-workflows/workflow/WorkflowError"
import { expect, test } from "tstyche"

declare const flow: Flow
const graph = FlowNode.toWorkflow(flow)
type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

test("what a graph fails with is known", () => {
  expect<ErrorOf<ReturnType<typeof graph>>>().type.toBe<FlowFailure | WorkflowError>()
  expect<"FlowFailed">().type.toBeAssignableTo<FlowFailure["_tag"]>()
  expect<"ChildFailed" | "FlowStopped" | "BudgetExceeded" | "StoreError">().type.toBeAssignableTo<Passed["_tag"]>()
  expect<"FlowFailed">().type.not.toBeAssignableTo<Passed["_tag"]>()
})

test("a loaded graph's failures are handled by their tags", () => {
  const handled = Effect.flatMap(FlowNode.load("flow.yaml"), ({ workflow }) =>
    workflow({}).pipe(
      Effect.catchTags({
        FlowFailed: ({ detail, node }) => Effect.succeed(`${node}: ${detail}`),
        ChildFailed: ({ child, runId }) => Effect.succeed(`${child} ${runId}`)
      })
    )).pipe(Effect.provide(Owf.layer({ provider: "fake" })))
  expect<"FlowFailed" | "ChildFailed">().type.not.toBeAssignableTo<ErrorOf<typeof handled>["_tag"]>()
  expect<"FlowStopped">().type.toBeAssignableTo<ErrorOf<typeof handled>["_tag"]>()
  expect(Effect.catchTag(graph({}), "NoSuchFailure", () => Effect.void)).type.toRaiseError()
})

test("a child of a program that was a graph fails as one of a graph does", () => {
  const child = Workflow.make({ name: "child" }, () => Effect.fail("stuck"))
  expect(FlowSteps.child("child", child, { n: 1 })).type.toBe<Effect.Effect<Json, Passed, Engine | Run>>()
})
