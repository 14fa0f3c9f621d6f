/**
 * Hello, the smallest workflow.
 *
 * One call, its text, and a note in the record of the run.
 * It declares nothing but its name, so it takes no arguments and returns whatever it returns.
 *
 *     owf run examples/01-hello.ts
 */
import { agent, log, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "hello",
  description: "A simple greeting"
}, function*() {
  yield* phase("greet")
  const greeting = yield* agent("Write a one-sentence welcome message for an AI workflow tool.", { label: "greeting" })
  yield* log("done", { greeting: greeting.text })
  return { greeting: greeting.text }
})
