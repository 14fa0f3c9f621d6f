/** Two calls, then a failure until the file is corrected. */
export const twice = (ending: string): string => `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, log, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "twice",
  description: "Ask two things",
  phases: ["ask"],
  args: Schema.Struct({ topic: Schema.String }),
  output: Schema.Unknown
}, function*({ topic }) {
  yield* phase("ask")
  const first = yield* agent("first about " + topic, { label: "first" })
  const second = yield* agent("second about " + topic, { label: "second" })
  yield* log("asked twice")
  ${ending}
})
`

export const failing = twice("return yield* Effect.fail(new Error(\"not yet\"))")
export const corrected = twice("return { topic, answers: [first.text.length > 0, second.text.length > 0] }")

/** One call, prints in every way there is, then works until it is stopped. */
export const slow = `
import * as Effect from "effect/Effect"
import { agent, Workflow } from "open-agent-workflows"
import { execFileSync } from "node:child_process"

console.log("{\\"jsonrpc\\":\\"2.0\\",\\"id\\":1,\\"result\\":{}}")
process.stdout.write("no end of the line")

export default Workflow.make({ name: "slow", description: "Works on" }, function*() {
  console.error("owf is not who says this")
  execFileSync("sh", ["-c", "echo said by a program"], { stdio: ["ignore", "inherit", "inherit"] })
  yield* agent("begin")
  yield* Effect.sleep("10 minutes")
})
`

/** Prints lines that look like events, before and on the line of the first one. */
export const pretending = `
import { agent, Workflow } from "open-agent-workflows"

console.log(JSON.stringify({ id: 1, name: "an issue" }))
process.stdout.write(JSON.stringify({ id: 2 }))

export default Workflow.make({ name: "pretending" }, function*() {
  return (yield* agent("say")).text
})
`

/** Returns an object of very many fields. */
export const wide = `
import { agent, Workflow } from "open-agent-workflows"

export default Workflow.make({ name: "wide" }, function*() {
  yield* agent("say")
  return Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => ["issue " + at, { label: "bug" }]))
})
`

/** Prints, and returns what is longer than a result may be. */
export const chatty = `
import * as Schema from "effect/Schema"
import { agent, Workflow } from "open-agent-workflows"

process.stdout.write("printed without an end")
console.log("{\\n  \\"status\\": \\"not what was asked for\\"\\n}")

export default Workflow.make({
  name: "chatty",
  description: "Says much",
  args: Schema.Struct({ size: Schema.optionalWith(Schema.Number, { default: () => 1 }) }),
  output: Schema.Unknown
}, function*({ size }) {
  console.log("printed by the body")
  yield* agent("say")
  return { text: "\\u001B[31mred\\u001B[0m" + "é".repeat(size) }
})
`
