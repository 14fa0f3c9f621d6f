import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { agent, budget, log, parallel, phase, pipeline, Workflow, workflow } from "open-agent-workflows"
import type { Run } from "open-agent-workflows/workflow/Run"
import type { BudgetStatus } from "open-agent-workflows/workflow/Verbs"
import type { BudgetRefused } from "open-agent-workflows/workflow/WorkflowError"
import { expect, test } from "tstyche"

const child = Workflow.make({ name: "child" }, () => Effect.void)

test("every verb needs a run", () => {
  expect(phase("one")).type.toBe<Effect.Effect<void, never, Run>>()
  expect(log("…")).type.toBe<Effect.Effect<void, never, Run>>()
  expect(log("…", { any: [1, new Date()] })).type.toBe<Effect.Effect<void, never, Run>>()
  expect(budget.status).type.toBe<Effect.Effect<BudgetStatus, never, Run>>()
  expect(budget.canSpend()).type.toBe<Effect.Effect<boolean, never, Run>>()
  expect(budget.canSpend({ tokens: 1, costUsd: 0.1 })).type.toBe<Effect.Effect<boolean, never, Run>>()
  expect(budget.reserve({ tokens: 1 })).type.toBe<Effect.Effect<void, BudgetRefused, Run | Scope.Scope>>()
})

test("no verb is a program of its own outside of a workflow", () => {
  expect(Effect.runPromise(Effect.void)).type.not.toRaiseError()
  expect(Effect.runPromise(agent("…"))).type.toRaiseError()
  expect(Effect.runPromise(parallel([Effect.void]))).type.toRaiseError()
  expect(Effect.runPromise(pipeline([1], () => Effect.void))).type.toRaiseError()
  expect(Effect.runPromise(phase("one"))).type.toRaiseError()
  expect(Effect.runPromise(log("…"))).type.toRaiseError()
  expect(Effect.runPromise(budget.status)).type.toRaiseError()
  expect(Effect.runPromise(workflow(child))).type.toRaiseError()
  expect(Effect.runPromise(child())).type.toRaiseError()
})

test("wrong arguments are errors", () => {
  expect(phase()).type.toRaiseError()
  expect(log({ message: "…" })).type.toRaiseError()
  expect(budget.canSpend({ usd: 1 })).type.toRaiseError()
  expect(budget.reserve({ tokens: "1" })).type.toRaiseError()
})
