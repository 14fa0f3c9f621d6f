import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import type { Answer, ProviderError, Request } from "../../src/provider/Provider.ts"
import type { Job } from "../../src/provider/Script.ts"
import * as Script from "../../src/provider/Script.ts"
import * as Settings from "../../src/settings/Settings.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import { directoryWith, root } from "../lib/node.ts"

const environment = {
  PATH: process.env["PATH"],
  OPENAI_API_KEY: "sk-not-for-scripts",
  REPO_URL: "git://repo",
  HOME: "/h"
}

const object = { type: "object" }

const run = (
  text: string,
  job: Partial<Job> & { readonly name?: string; readonly mode?: number } = {},
  request: Partial<Request> = {},
  options: Parameters<typeof Script.make>[0] = {}
): Effect.Effect<Either.Either<Answer, ProviderError>> => {
  const { mode = 0o644, name = "job.sh", ...rest } = job
  const directory = directoryWith({ [name]: text })
  const script = Path.join(directory, name)
  Fs.chmodSync(script, mode)
  return Effect.scoped(Effect.gen(function*() {
    const services = yield* Layer.build(
      Layer.mergeAll(Supervisor.layer, Layer.orDie(Settings.layer({ ...environment, OWF_SCRIPT_ENV: "REPO_URL" })))
    )
    const provider = yield* Effect.provide(Script.make(options), services)
    const prompt = JSON.stringify({ script, args: [], cwd: directory, environment: {}, input: "", ...rest })
    return yield* Effect.either(provider.ask(
      ProviderContract.request({ prompt, model: "script", timeout: Duration.seconds(20), ...request }),
      { session: () => Effect.void, usage: () => Effect.void }
    ))
  }))
}

const answerOf = (result: Either.Either<Answer, ProviderError>): Answer =>
  Either.getOrElse(result, (error) => assert.fail(`${error.reason}: ${error.message}`))

const errorOf = (result: Either.Either<Answer, ProviderError>): ProviderError =>
  Either.isLeft(result) ? result.left : assert.fail(`it answered ${result.right.text.slice(0, 200)}`)

describe("scripts", () => {
  it.effect("in TypeScript run with what node is given for them, whatever this version of it can do by itself", () =>
    Effect.gen(function*() {
      const typescript = [`--import=${Path.join(root, "dist/node/register.js")}`]
      const source =
        "enum Color { Red = \"red\" }\nconsole.log(JSON.stringify({ color: Color.Red, args: process.argv.slice(2) }))"
      for (const name of ["job.ts", "job.mts"]) {
        const answer = answerOf(yield* run(source, { name, args: ["-x"] }, { schema: object }, { typescript }))
        assert.deepStrictEqual(answer.structured, { color: "red", args: ["-x"] })
      }
    }))

  it.effect("YG-11: what stands in arguments, variables and input reaches the program as it is, and nobody executes it", () =>
    Effect.gen(function*() {
      const nasty = ["'; touch PWNED; '", "$(touch PWNED)", "`touch PWNED`", "line\nline", "-rf", "*", "\"", ""]
      const script = `import json, os, sys
print(json.dumps({"args": sys.argv[1:], "value": os.environ["VALUE"], "input": sys.stdin.read(), "cwd": os.listdir(".")}))`
      const large = "x".repeat(200_000)
      const answer = answerOf(
        yield* run(
          script,
          { name: "a job.py", args: nasty, environment: { VALUE: "$(touch PWNED)" }, input: large },
          { schema: object }
        )
      )
      assert.deepStrictEqual(answer.structured, {
        args: nasty,
        value: "$(touch PWNED)",
        input: large,
        cwd: ["a job.py"]
      })
    }))

  it.effect("YG-11: an argument that is too large or holds U+0000 is refused with what to do instead", () =>
    Effect.gen(function*() {
      for (const arg of ["x".repeat(200_000), "a\0b"]) {
        const error = errorOf(yield* run("true", { args: [arg] }))
        assert.strictEqual(error.reason, "InvalidRequest")
        assert.include(error.detail, "as input")
      }
    }))

  it.effect("the program runs in its directory and sees what programs need and what the user lets it see, no keys", () =>
    Effect.gen(function*() {
      const answer = answerOf(yield* run("echo \"$PWD\"; env | sort | cut -d= -f1", { environment: { OWN: "1" } }))
      const [directory, ...names] = answer.text.trim().split("\n")
      assert.isTrue(Fs.existsSync(String(directory)))
      for (const name of ["PATH", "HOME", "REPO_URL", "OWN"]) assert.include(names, name)
      assert.notInclude(names, "OPENAI_API_KEY")
    }))

  it.effect("without a schema the answer is what was printed; with one it is JSON, whole or on the last line", () =>
    Effect.gen(function*() {
      assert.strictEqual(answerOf(yield* run("echo a; echo b")).text, "a\nb\n")
      const whole = answerOf(yield* run("printf '{\\n\"a\": 1\\n}\\n'", {}, { schema: object }))
      assert.deepStrictEqual(whole.structured, { a: 1 })
      const logged = answerOf(yield* run("echo cloning; echo '{\"a\": 2}'", {}, { schema: object }))
      assert.deepStrictEqual(logged.structured, { a: 2 })
    }))

  it.live("YG-13: failures say what happened: exit code, error output, no JSON, nothing printed, too much, a signal", () =>
    Effect.gen(function*() {
      const code = errorOf(yield* run("echo half; echo 'no such branch' >&2; exit 3"))
      assert.strictEqual(code.reason, "Unknown")
      assert.include(code.detail, "job.sh ended with exit code 3: no such branch")
      assert.include(String(code.raw), "half")
      const garbage = errorOf(yield* run("echo all is well", {}, { schema: object }))
      assert.strictEqual(garbage.reason, "Malformed")
      assert.include(garbage.detail, "has to print JSON; its output ends in \"all is well\"")
      assert.include(errorOf(yield* run("true", {}, { schema: object })).detail, "it printed nothing")
      const huge = errorOf(yield* run("yes", {}, {}, { maxOutputBytes: 100_000 }))
      assert.include(huge.detail, "printed more than it may")
      assert.include(errorOf(yield* run("kill -9 $$")).detail, "was ended by SIGKILL")
    }))

  it.effect("YG-14: a program that cannot be started is told from one that fails", () =>
    Effect.gen(function*() {
      const plain = errorOf(yield* run("echo {}", { name: "tool" }))
      assert.deepInclude(plain, { reason: "Misconfigured" })
      assert.include(plain.detail, "is it executable?")
      const shebang = errorOf(yield* run("#!/no/such/program\r\necho {}", { name: "tool", mode: 0o755 }))
      assert.include(shebang.detail, "or the program its first line names")
      const run2 = answerOf(yield* run("#!/bin/sh\necho \"$1\"", { name: "tool", mode: 0o755, args: ["hi"] }))
      assert.strictEqual(run2.text, "hi\n")
      const directory = errorOf(yield* run("true", { cwd: "/no/such/directory" }))
      assert.include(directory.detail, "its directory cannot be used")
    }))

  it.effect("a request that corrects an answer runs nothing, and neither does a prompt that is none of ours", () =>
    Effect.gen(function*() {
      const marker = Path.join(directoryWith({}), "ran")
      const text = `touch ${marker}`
      const corrected = errorOf(yield* run(text, {}, { correction: { answer: "{}", problem: "$.a is missing" } }))
      assert.deepInclude(corrected, { reason: "Malformed", detail: "$.a is missing" })
      assert.strictEqual(errorOf(yield* run(text, {}, { prompt: "Say hi" })).reason, "InvalidRequest")
      assert.isFalse(Fs.existsSync(marker))
    }))

  it.live(
    "one that falls silent, or is interrupted, is ended with what it started, also when it ignores TERM",
    () =>
      Effect.gen(function*() {
        const began = performance.now()
        const silent = errorOf(
          yield* run("trap '' TERM; sleep 60 & sleep 60", {}, { idleTimeout: Duration.millis(300) })
        )
        assert.include(silent.detail, "printed nothing for longer than")
        const stopped = yield* Effect.timeoutOption(run("trap '' TERM; sleep 61 & sleep 61"), "300 millis")
        assert.strictEqual(stopped._tag, "None")
        assert.isBelow(performance.now() - began, 14_000)
      }),
    30_000
  )
})
