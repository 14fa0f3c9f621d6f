/**
 * What every command line has to keep when it is started for real, played by a program of the test's own.
 */
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type * as CliProvider from "../../src/provider/CliProvider.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import type { Environment } from "../../src/settings/Settings.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import * as FakeCli from "../lib/FakeCli.ts"
import { answered, failed, test } from "./cliLab.ts"
import * as cliLab from "./cliLab.ts"

type Make = (
  options: Omit<CliProvider.Options, "name">
) => Parameters<typeof cliLab.build>[0]

/** A program and how it plays its part. */
export interface Program {
  readonly program: string
  readonly make: Make
  /** Everything it does when it answers with a text and ends well, the last step aside. */
  readonly answering: (text: string) => ReadonlyArray<FakeCli.Step>
  /** The beginning of that, before there is an answer. */
  readonly beginning: ReadonlyArray<FakeCli.Step>
}

/** A provider whose program plays these parts. */
export const play = (
  { make, program }: Pick<Program, "make" | "program">,
  parts: ReadonlyArray<FakeCli.Part>,
  environment: Environment = {},
  options: Partial<CliProvider.Options> = {}
): Effect.Effect<{ readonly cli: FakeCli.FakeCli; readonly provider: Provider }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const cli = FakeCli.make(program, parts)
    return { cli, provider: yield* cliLab.build(make({ concurrency: 4, ...options }), cli, environment) }
  })

/** What the program is started with for a request. */
export const started = (program: Program, fields: Partial<Request> = {}, environment: Environment = {}) =>
  Effect.gen(function*() {
    const { cli, provider } = yield* play(program, [{ steps: program.answering("pong") }], environment)
    answered((yield* cliLab.ask(provider, fields)).outcome)
    const [start] = cli.starts()
    if (start === undefined) return assert.fail("it was not started")
    return start
  })

/** The arguments of a request, with what is new in every one left out. */
export const argv = (program: Program, fields: Partial<Request> = {}) =>
  Effect.map(
    started(program, fields),
    ({ argv }) =>
      argv.map((arg) =>
        arg.replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/, "<uuid>").replace(
          /^(--usage-output-file=).*\//,
          "$1<directory>/"
        )
      )
  )

/** Runs what is the same for every program. */
export const suite = (name: string, program: Program): void => {
  const bounds = { grace: Duration.millis(200), linger: Duration.millis(200) }

  ProviderContract.suite(
    name,
    Effect.map(
      play(program, [{ steps: program.answering("{\"label\":\"bug\",\"why\":\"it breaks\"}") }]),
      ({ provider }) => provider
    )
  )

  describe(`${name}, when its program`, () => {
    test("takes a prompt that looks like something else, gives it as it is", () =>
      Effect.gen(function*() {
        const { cli, provider } = yield* play(program, [{ steps: program.answering("pong") }])
        const prompts = [
          "-p x",
          "--help",
          "\nleading",
          "$(id)`id`",
          "a\r\nb\r",
          "/help",
          "!touch x",
          "🦊".repeat(1_000)
        ]
        yield* Effect.forEach(prompts, (prompt) => cliLab.ask(provider, { prompt }))
        assert.deepStrictEqual(cli.starts().map(({ sha256 }) => sha256), prompts.map(FakeCli.sha256))
        for (const { argv } of cli.starts()) assert.isFalse(argv.some((arg) => prompts.includes(arg)))
      }))

    test("is asked for a value, is told the schema, the system prompt and what was wrong, in this order", () =>
      Effect.gen(function*() {
        const { json: schema } = yield* AnswerSchema.make(Schema.Struct({ why: Schema.String }))
        const fields = {
          prompt: "PROMPT",
          system: "SYSTEM",
          schema,
          correction: { answer: "ANSWER", problem: "PROBLEM" }
        }
        const { input } = yield* started(program, fields)
        assert.match(input ?? "", /^SYSTEM\n\nPROMPT\n[^]*"why"[^]*ANSWER[^]*PROBLEM/)
      }))

    test("continues a session, is told only what is new", () =>
      Effect.gen(function*() {
        const session = { id: "ses_1", used: Usage.make({ inputTokens: 1 }), cost: undefined }
        const correction = { answer: "ANSWER", problem: "PROBLEM" }
        const fields = { prompt: "PROMPT", system: "SYSTEM", session }
        const { input: corrected } = yield* started(program, { ...fields, correction })
        const { input: continued } = yield* started(program, fields)
        assert.include(corrected, "PROBLEM")
        for (const input of [corrected, continued]) {
          assert.notStrictEqual(input, "")
          for (const known of ["PROMPT", "SYSTEM", "ANSWER"]) assert.notInclude(input, known)
        }
        const unheard = { ...session, used: Usage.zero }
        assert.strictEqual((yield* started(program, { ...fields, session: unheard })).input, "SYSTEM\n\nPROMPT")
      }))

    test("answers and then fails, keeps the answer", () =>
      Effect.gen(function*() {
        const { provider } = yield* play(program, [{ steps: [...program.answering("pong"), { exit: 1 }] }])
        assert.strictEqual(answered((yield* cliLab.ask(provider)).outcome).text, "pong")
      }))

    test("answers and then hangs, keeps the answer and ends the program", () =>
      Effect.gen(function*() {
        const steps = [{ signal: "ignoreTerm" } as const, ...program.answering("pong"), { signal: "hang" } as const]
        const { cli, provider } = yield* play(program, [{ steps }], {}, bounds)
        assert.strictEqual(answered((yield* cliLab.ask(provider)).outcome).text, "pong")
        assert.isFalse(isAlive(cli))
      }))

    test("ends with 0 and has printed nothing, or only white space, has not answered", () =>
      Effect.gen(function*() {
        const { provider } = yield* play(program, [{ times: 1, steps: [] }, { steps: [{ print: " \n\n" }] }])
        failed((yield* cliLab.ask(provider)).outcome, "EmptyAnswer")
        failed((yield* cliLab.ask(provider)).outcome, "EmptyAnswer")
      }))

    test("ends with 0 and has printed something else, has not answered", () =>
      Effect.gen(function*() {
        const { provider } = yield* play(program, [{ steps: [{ print: "Welcome!\nYour answer is 42.\n" }] }])
        failed((yield* cliLab.ask(provider)).outcome, "Malformed")
      }))

    test("answers with nothing, has not answered", () =>
      Effect.gen(function*() {
        const { provider } = yield* play(program, [{ steps: program.answering(" \n") }])
        failed((yield* cliLab.ask(provider)).outcome, "EmptyAnswer")
      }))

    test("breaks off before it has answered, fails in a way that may pass", () =>
      Effect.gen(function*() {
        const { provider } = yield* play(program, [{ steps: [...program.beginning, { kill: "SIGKILL" }] }])
        const error = failed((yield* cliLab.ask(provider)).outcome, "Unavailable")
        assert.isTrue(error.isTransient)
      }))

    test("falls silent in the middle of its answer, is ended", () =>
      Effect.gen(function*() {
        const steps = [...program.beginning, { signal: "hang" } as const]
        const { cli, provider } = yield* play(program, [{ steps }], {}, bounds)
        const { outcome } = yield* cliLab.ask(provider, { idleTimeout: Duration.seconds(1) })
        failed(outcome, "Silent")
        assert.isFalse(isAlive(cli))
      }))

    test("is not needed any more, has ended before the interruption returns", () =>
      Effect.gen(function*() {
        const steps = [...program.beginning, { signal: "hang" } as const]
        const { cli, provider } = yield* play(program, [{ steps }], {}, bounds)
        const fiber = yield* Effect.fork(cliLab.ask(provider))
        yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => cli.starts().length === 1 })
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        assert.isFalse(isAlive(cli))
      }))

    test("is not there, fails and says how to get it", () =>
      Effect.gen(function*() {
        const { provider } = yield* play({ ...program, program: "another" }, [])
        const { detail } = failed((yield* cliLab.ask(provider)).outcome, "Misconfigured")
        assert.match(detail, /npm install/)
      }))
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isAlive = (cli: FakeCli.FakeCli): boolean => {
  const [start] = cli.starts()
  if (start === undefined) return assert.fail("it was not started")
  try {
    return process.kill(start.pid, 0)
  } catch {
    return false
  }
}
