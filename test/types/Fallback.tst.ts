import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, AgentResult, Recovery, withFallback } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows"
import type { CallOptions } from "open-agent-workflows/workflow/Agent"
import { describe, expect, test } from "tstyche"

type Result<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

const Label = Schema.Struct({ label: Schema.String })
type Label = typeof Label.Type

describe("a declared value", () => {
  test("shows in the type of the result, so that a program has to see it", () => {
    const call = withFallback(agent("p", { schema: Label }), null)
    expect<Result<typeof call>>().type.toBe<AgentResult.Done<Label> | AgentResult.Degraded<null>>()
    const result = {} as Result<typeof call>
    if (result.ok) expect(result.value).type.toBe<Label>()
    else expect(result.value).type.toBe<null>()
  })

  test("leaves the errors it does not stand in for", () => {
    const call = withFallback(agent("p"), "n/a")
    expect<Effect.Effect.Error<typeof call>>().type.toBe<AgentError.AgentError>()
  })

  test("as the last rung of a ladder shows in the type as well", () => {
    const call = agent("p", { recover: Recovery.standard.pipe(Recovery.orElse(Recovery.fallback(0))) })
    expect<Result<typeof call>>().type.toBe<AgentResult.Done<string> | AgentResult.Degraded<0>>()
    const typed = agent("p", { schema: Label, recover: Recovery.fallback(null) })
    expect<Result<typeof typed>>().type.toBe<AgentResult.Done<Label> | AgentResult.Degraded<null>>()
  })

  test("is none in a ladder without one", () => {
    const call = agent("p", { recover: Recovery.standard })
    expect<Result<typeof call>>().type.toBe<AgentResult.Done<string>>()
    const options: CallOptions = {}
    const plain = agent("p", options)
    expect<Result<typeof plain>>().type.toBe<AgentResult.Done<string>>()
  })

  test("cannot hide in the ladder of a run, whose calls do not show it", () => {
    expect<Recovery.Recovery<string>>().type.not.toBeAssignableTo<NonNullable<CallOptions["recover"]>>()
    expect<Recovery.Recovery>().type.toBeAssignableTo<NonNullable<CallOptions["recover"]>>()
  })

  test("stays in a settled result, beside the failures", () => {
    const settled = AgentResult.settle(withFallback(agent("p"), null))
    expect<Result<typeof settled>>().type.toBe<
      AgentResult.Done<string> | AgentResult.Degraded<null> | AgentResult.Failed
    >()
    const plain = AgentResult.settle(agent("p"))
    expect<Result<typeof plain>>().type.toBe<AgentResult.AgentResult<string>>()
    expect<Effect.Effect.Error<typeof plain>>().type.toBe<never>()
  })
})
