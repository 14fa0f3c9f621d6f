import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Supervisor from "../../../src/internal/subprocess/Supervisor.ts"
import { output, shell, timed } from "./programs.ts"

layer(Supervisor.layer, { excludeTestServices: true })("a supervised program", (it) => {
  describe("runs", () => {
    it.effect("to its end", () =>
      Effect.gen(function*() {
        const ended = yield* output(shell("cat; echo to the side >&2; exit 3", { input: "hello" }))
        assert.deepStrictEqual(ended, {
          stdout: "hello",
          stderr: "to the side\n",
          code: 3,
          signal: null,
          endedBy: "itself",
          outputBytes: 5
        })
      }))
    it.effect("does not wait for what holds its output", () =>
      Effect.gen(function*() {
        const [ms, ended] = yield* timed(output(shell("sleep 30 & echo done")))
        assert.strictEqual(ended.stdout, "done\n")
        console.log(ms)
      }))
    it.effect("speed", () =>
      Effect.gen(function*() {
        for (let n = 0; n < 3; n++) {
          const [ms] = yield* timed(Effect.repeatN(output(shell("", { program: "true", args: [] })), 49))
          console.log(ms / 50)
        }
      }))
  })
})
