import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows/domain/AgentError"
import * as AgentResult from "open-agent-workflows/domain/AgentResult"
import type { Run } from "open-agent-workflows/workflow/Run"
import { expect, test } from "tstyche"

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), at: Schema.Date })
type Label = typeof Label.Type

declare const needy: Schema.Schema<string, string, "Service">

test("without a schema the value is the text", () => {
  expect(agent("…")).type.toBe<Effect.Effect<AgentResult.Done<string>, AgentError, Run>>()
  expect(agent("…", {})).type.toBe<Effect.Effect<AgentResult.Done<string>, AgentError, Run>>()
  expect(agent("…", { schema: undefined, label: "one" })).type.toBe<
    Effect.Effect<AgentResult.Done<string>, AgentError, Run>
  >()
})

test("with an Effect Schema the value is of its decoded type", () => {
  expect(agent("…", { schema: Label })).type.toBe<Effect.Effect<AgentResult.Done<Label>, AgentError, Run>>()
  expect(agent("…", { schema: Schema.NumberFromString })).type.toBe<
    Effect.Effect<AgentResult.Done<number>, AgentError, Run>
  >()
  class Finding extends Schema.Class<Finding>("Finding")({ path: Schema.String }) {}
  expect(agent("…", { schema: Finding })).type.toBe<Effect.Effect<AgentResult.Done<Finding>, AgentError, Run>>()
  expect(agent("…", { schema: Schema.Array(Label), timeout: "1 minute" })).type.toBe<
    Effect.Effect<AgentResult.Done<ReadonlyArray<Label>>, AgentError, Run>
  >()
})

test("with a JSON Schema the value is unknown", () => {
  expect(agent("…", { schema: { type: "object", properties: {} } })).type.toBe<
    Effect.Effect<AgentResult.Done<unknown>, AgentError, Run>
  >()
  expect(agent("…", { schema: { enum: ["a"] } as const })).type.toBe<
    Effect.Effect<AgentResult.Done<unknown>, AgentError, Run>
  >()
})

test("a done result has a value, a failed one has none", () => {
  expect<AgentResult.Done<Label>["value"]>().type.toBe<Label>()
  expect<AgentResult.Done<Label>["status"]>().type.toBe<"done">()
  expect<AgentResult.Failed["value"]>().type.toBe<null>()
  expect<AgentResult.Failed["error"]>().type.toBe<string>()
  expect<AgentResult.Failed["status"]>().type.not.toBeAssignableFrom<"done">()
})

test("the error is the closed union, and nothing else", () => {
  type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never
  expect<ErrorOf<ReturnType<typeof agent>>["_tag"]>().type.toBe<
    | "ProviderFailed"
    | "SchemaFailed"
    | "CallTimeout"
    | "WorktreeFailed"
    | "WriteScopeViolated"
    | "BudgetExceeded"
    | "InvalidCall"
  >()
})

test("settling leaves no agent error, and every other error", () => {
  expect(AgentResult.settle(agent("…", { schema: Label }))).type.toBe<
    Effect.Effect<AgentResult.AgentResult<Label>, never, Run>
  >()
  const mine: Effect.Effect<AgentResult.Done<number>, AgentError | "mine", "Service"> = undefined as never
  expect(AgentResult.settle(mine)).type.toBe<Effect.Effect<AgentResult.AgentResult<number>, "mine", "Service">>()
})

test("a call outside of a workflow is not a program that can be run", () => {
  expect<Effect.Effect<unknown, unknown>>().type.not.toBeAssignableFrom<ReturnType<typeof agent>>()
})

test("right options are not errors, wrong ones are", () => {
  expect(agent("…", { isolation: "worktree", cachePolicy: "refresh", timeout: "90 seconds" })).type.not.toRaiseError()
  expect(agent("…", { readScope: ["docs"], temperature: 0, maxOutputTokens: 1, label: "one" })).type.not.toRaiseError()
  expect(agent("…", { isolation: "worktre" })).type.toRaiseError()
  expect(agent("…", { cachePolicy: "off" })).type.toRaiseError()
  expect(agent("…", { timeout: "soon" })).type.toRaiseError()
  expect(agent("…", { timeout: true })).type.toRaiseError()
  expect(agent("…", { readScope: "docs" })).type.toRaiseError()
  expect(agent("…", { temperature: "0" })).type.toRaiseError()
  expect(agent("…", { maxOutputTokens: 1n })).type.toRaiseError()
  expect(agent("…", { lable: "one" })).type.toRaiseError()
  expect(agent("…", { schema: "string" })).type.toRaiseError()
  expect(agent("…", { schema: null })).type.toRaiseError()
  expect(agent("…", { schema: needy })).type.toRaiseError()
  expect(agent(1)).type.toRaiseError()
  expect(agent()).type.toRaiseError()
})
