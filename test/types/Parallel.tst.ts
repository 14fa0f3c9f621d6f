import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, parallel, pipeline } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows/domain/AgentError"
import type { Done, Failed } from "open-agent-workflows/domain/AgentResult"
import type { FailedItem } from "open-agent-workflows/workflow/Parallel"
import type { Run } from "open-agent-workflows/workflow/Run"
import { expect, test } from "tstyche"

declare const item: Effect.Effect<number, "mine", "Service">
declare const other: Effect.Effect<string, "theirs", "Other">
declare const mixed: Effect.Effect<number, "mine" | AgentError>
declare const maybe: (input: number) => Effect.Effect<Done<number> | Failed, "mine">

test("failures are values: a fan-out has no error", () => {
  expect(parallel([item])).type.toBe<Effect.Effect<Array<number | FailedItem<"mine">>, never, "Service" | Run>>()
  expect(parallel([agent("a"), agent("b")], { concurrency: 2, failFast: true })).type.toBe<
    Effect.Effect<Array<Done<string> | FailedItem<AgentError>>, never, Run>
  >()
})

test("a done item is told from a failed one by `ok`", () => {
  type Element<T> = T extends Effect.Effect<ReadonlyArray<infer A>, infer _E, infer _R> ? A : never
  const results = parallel([1, 2].map((n) => agent(`${n}`, { schema: Schema.Number })))
  type Result = Element<typeof results>
  expect<Extract<Result, { readonly ok: true }>["value"]>().type.toBe<number>()
  expect<Extract<Result, { readonly ok: false }>["value"]>().type.toBe<null>()
})

test("the error of an item that was no call's own is kept, and a call's own is not repeated", () => {
  type Failure<T> = T extends { readonly failure?: infer F } ? F : never
  expect<NonNullable<Failure<FailedItem<"mine">>>>().type.toBe<"mine">()
  expect<NonNullable<Failure<FailedItem<AgentError>>>>().type.toBe<never>()
  expect<NonNullable<Failure<FailedItem<"mine" | AgentError>>>>().type.toBe<"mine">()
  expect(parallel([mixed])).type.toBe<Effect.Effect<Array<number | FailedItem<"mine" | AgentError>>, never, Run>>()
})

test("wrong options are errors", () => {
  expect(parallel([item], { concurrency: "all" })).type.toRaiseError()
  expect(parallel([item], { stopOnError: true })).type.toRaiseError()
  expect(parallel([1])).type.toRaiseError()
  expect(pipeline([1], () => item, { failFast: true })).type.toRaiseError()
  expect(pipeline([1])).type.toRaiseError()
})

test("a pipeline gives the last stage's values and every stage's failures", () => {
  expect(pipeline(["a"], (input, index, one) => {
    expect(input).type.toBe<string>()
    expect(index).type.toBe<number>()
    expect(one).type.toBe<string>()
    return item
  })).type.toBe<Effect.Effect<Array<number | FailedItem<"mine">>, never, "Service" | Run>>()
  expect(pipeline(
    ["a"],
    () => item,
    (input, _, one) => {
      expect(input).type.toBe<number>()
      expect(one).type.toBe<string>()
      return other
    },
    { concurrency: 3, stopOnError: true }
  )).type.toBe<Effect.Effect<Array<string | FailedItem<"mine" | "theirs">>, never, "Service" | "Other" | Run>>()
})

test("a stage is not given what failed before it", () => {
  const line = pipeline(
    [1],
    maybe,
    (input) => {
      expect(input).type.toBe<Done<number>>()
      return other
    },
    (input) => {
      expect(input).type.toBe<string>()
      return item
    },
    (input, _, one) => {
      expect(input).type.toBe<number>()
      expect(one).type.toBe<number>()
      return item
    }
  )
  expect(line).type.toBe<
    Effect.Effect<Array<number | Failed | FailedItem<"mine" | "theirs">>, never, "Other" | "Service" | Run>
  >()
})
