import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as FiberId from "effect/FiberId"
import * as Money from "open-agent-workflows/domain/Money"
import { BudgetRefused, OutputInvalid } from "open-agent-workflows/workflow/WorkflowError"
import * as Ending from "../../src/workflow/Ending.ts"

const encode = (value: unknown) => Either.right(JSON.stringify(value))
const endOf = (cause: Cause.Cause<unknown>) => Ending.make(Exit.failCause(cause), encode).outcome
const interrupt = Cause.interrupt(FiberId.none)

const outcome = (status: "interrupted" | "failed", errorKind: string, errorMessage: string) => ({
  status,
  outputJson: null,
  errorKind,
  errorMessage
})

class Odd extends Error {
  override readonly name = "Odd"
}

describe("a body that ends", () => {
  it("with a value is done, with its encoded output", () => {
    const ending = Ending.make(Exit.succeed([1, 2]), encode)
    assert.deepStrictEqual(ending.outcome, { status: "done", outputJson: "[1,2]", errorKind: null, errorMessage: null })
    assert.deepStrictEqual(ending.exit, Exit.succeed([1, 2]))
  })

  it("with a value that does not fit its schema has failed", () => {
    const error = new OutputInvalid({ workflow: "w", issues: [{ path: "$.a", message: "is missing" }] })
    const ending = Ending.make(Exit.succeed(1), () => Either.left(error))
    assert.deepStrictEqual(ending.outcome, outcome("failed", "OutputInvalid", error.message))
    assert.deepStrictEqual(ending.exit, Exit.fail(error))
  })

  it("with a value whose encoding throws has failed, and the engine has not", () => {
    const ending = Ending.make(Exit.succeed(1), () => {
      throw new Odd("cannot be written")
    })
    assert.deepStrictEqual(ending.outcome, outcome("failed", "Defect", "cannot be written"))
    assert.isTrue(Exit.isFailure(ending.exit) && Cause.isDie(ending.exit.cause))
  })

  const causes: ReadonlyArray<readonly [string, Cause.Cause<unknown>, ReturnType<typeof outcome>]> = [
    ["a tagged error", Cause.fail({ _tag: "Mine", message: "no" }), outcome("failed", "Mine", "no")],
    ["an Error", Cause.fail(new Odd("odd")), outcome("failed", "Odd", "odd")],
    ["an Error without a message", Cause.fail(new Odd()), outcome("failed", "Odd", "Odd")],
    ["a text", Cause.fail("no"), outcome("failed", "Error", "no")],
    ["a number", Cause.fail(42), outcome("failed", "Error", "Error 42")],
    ["nothing", Cause.fail(undefined), outcome("failed", "Error", "Error")],
    ["an object", Cause.fail({ code: 7 }), outcome("failed", "Error", "Error {\"code\":7}")],
    [
      "a tagged object",
      Cause.fail({ _tag: "Mine", n: 1 }),
      outcome("failed", "Mine", "Mine {\"_tag\":\"Mine\",\"n\":1}")
    ],
    ["an object JSON cannot hold", Cause.fail({ n: 1n }), outcome("failed", "Error", "Error {\"n\":\"1\"}")],
    ["a defect", Cause.die(new Odd("broken")), outcome("failed", "Defect", "broken")],
    ["a defect that is no Error", Cause.die("broken"), outcome("failed", "Defect", "broken")],
    ["an interruption", interrupt, outcome("interrupted", "Interrupted", "The run was interrupted.")],
    [
      "several interruptions",
      Cause.parallel(interrupt, interrupt),
      outcome("interrupted", "Interrupted", "The run was interrupted.")
    ],
    ["an error and an interruption", Cause.parallel(interrupt, Cause.fail("no")), outcome("failed", "Error", "no")],
    [
      "an error and a defect",
      Cause.sequential(Cause.fail("no"), Cause.die("broken")),
      outcome("failed", "Error", "no")
    ],
    ["a defect and an interruption", Cause.sequential(interrupt, Cause.die("x")), outcome("failed", "Defect", "x")],
    [
      "a spent budget",
      Cause.fail({ _tag: "BudgetExceeded", message: "spent" }),
      outcome("interrupted", "BudgetExceeded", "spent")
    ]
  ]

  it.each(causes)("with %s", (_, cause, expected) => {
    assert.deepStrictEqual(endOf(cause), expected)
    assert.deepStrictEqual(Ending.make(Exit.failCause(cause), encode).exit, Exit.failCause(cause))
  })

  it("because an amount could not be kept back can be taken up again", () => {
    const error = new BudgetRefused({ unit: "tokens", total: 10, spent: 9, requested: 5 })
    assert.deepInclude(endOf(Cause.fail(error)), { status: "interrupted", errorKind: "BudgetRefused" })
    assert.deepInclude(endOf(Cause.die(error)), { status: "failed", errorKind: "Defect" })
  })

  it("with an object that contains itself is told all the same", () => {
    const circular: Record<string, unknown> = { a: 1 }
    circular["self"] = circular
    assert.include(endOf(Cause.fail(circular)).errorMessage ?? "", "\"a\":1")
  })
})

it("a stored limit is the amount it was stored from", () => {
  FastCheck.assert(FastCheck.property(FastCheck.integer({ min: 0, max: 1e15 }), (nano) => {
    assert.strictEqual(Ending.limitOf(Money.toUsd(Money.fromNano(nano))), nano)
  }))
})
