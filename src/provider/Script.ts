/**
 * Programs as calls: what a graph's script nodes run, so that they are recorded, replayed and timed like every call.
 *
 * - X1. Values reach the program as arguments, variables and input, never as text of a command line, and no shell reads
 *   them.
 * - X2. The program sees the variables every program needs, those the user lets scripts see, and its own; no provider's
 *   key is among them.
 * - X3. A program runs once for a request, and no request is made to correct an answer: what it did is done.
 * - X4. An exit code other than 0 is a failure with the end of the error output. What is asked to fit a schema has to be
 *   JSON: all of the output, or its last line.
 *
 * The prompt is the JSON of a `Job`, which makes it the program's identity in the journal.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as Subprocess from "../internal/subprocess/Subprocess.ts"
import { Settings } from "../settings/Settings.ts"
import * as CliEnvironment from "./CliEnvironment.ts"
import type { Answer, Provider, Request } from "./Provider.ts"
import { capabilities, ProviderError } from "./Provider.ts"

/**
 * The name it is registered under.
 * @category constants
 * @since 0.1.0
 */
export const name = "script"

/**
 * A program to run.
 * @category schemas
 * @since 0.1.0
 */
export const Job = Schema.Struct({
  /** Absolute path; what runs it follows from its ending. */
  script: Schema.String,
  args: Schema.Array(Schema.String),
  /** Absolute path of the directory it runs in. */
  cwd: Schema.String,
  environment: Schema.Record({ key: Schema.String, value: Schema.String }),
  input: Schema.String
})

/**
 * A program to run.
 * @category models
 * @since 0.1.0
 */
export type Job = typeof Job.Type

/**
 * How programs are run.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Bytes a program may print. Defaults to 16 MiB. */
  readonly maxOutputBytes?: number | undefined
  /** What `node` is given before the name of a script in TypeScript, so that every version of it can run one. */
  readonly typescript?: ReadonlyArray<string> | undefined
}

/**
 * A provider that runs programs.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Provider, never, Settings | Subprocess.Subprocess> =>
  Effect.gen(function*() {
    const { scriptVariables, variables } = yield* Settings
    const subprocess = yield* Subprocess.Subprocess
    const maxOutputBytes = options.maxOutputBytes ?? 16_777_216
    return {
      name,
      capabilities: capabilities({ schema: "prompt", writesFiles: true, cost: "reported" }),
      resolveModel: () => name,
      estimate: () => ({ inputTokens: 0, outputTokens: 0, cost: () => Money.zero }),
      ask: Effect.fn("Script.ask")(function*(request) {
        if (request.correction !== undefined) return yield* fail("Malformed", request.correction.problem)
        const job = yield* Effect.mapError(decode(request.prompt), () =>
          fail(
            "InvalidRequest",
            "the prompt of a script is the JSON of what to run; name another provider for prompts"
          ))
        const environment = {
          ...CliEnvironment.make(variables, {
            environment: {},
            variables: () => (variable) => shared.has(variable) || scriptVariables.has(variable)
          }),
          ...job.environment
        }
        const output = collect(maxOutputBytes)
        const { args, program } = commandOf(job, options.typescript ?? [])
        const ended = yield* Effect.mapError(
          subprocess.run({
            program,
            args,
            cwd: job.cwd,
            environment,
            input: job.input,
            idleTimeout: request.idleTimeout,
            maxOutputBytes
          }, output.sink),
          (error) => notStarted(job, error)
        )
        return yield* answer(request, job, ended, output.text(), CliEnvironment.mask(environment))
      })
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Beside what every program needs: what lets git reach the user's repositories. */
const shared: ReadonlySet<string> = new Set(["SSH_AUTH_SOCK"])

const decode = Schema.decode(Schema.parseJson(Job))
const parseJson = Schema.decodeUnknownOption(Schema.parseJson())

const commandOf = (
  { args, script }: Job,
  typescript: ReadonlyArray<string>
): { readonly program: string; readonly args: ReadonlyArray<string> } => {
  const ending = /\.[^./\\]+$/.exec(script)?.[0] ?? ""
  const runner = runners.get(ending)
  if (runner === undefined) return { program: script, args }
  const before = /^\.m?ts$/.test(ending) ? typescript : []
  return { program: runner, args: [...before, script, ...args] }
}

const runners: ReadonlyMap<string, string> = new Map([
  [".py", "python3"],
  [".sh", "bash"],
  [".bash", "bash"],
  [".js", "node"],
  [".mjs", "node"],
  [".cjs", "node"],
  [".ts", "node"],
  [".mts", "node"]
])

const collect = (bound: number): { readonly sink: Subprocess.Sink; readonly text: () => string } => {
  const parts: Array<Uint8Array> = []
  let length = 0
  return {
    sink: (chunk) =>
      Effect.sync(() => {
        length += chunk.length
        // a copy, because the piece belongs to whoever reads the pipe
        if (length <= bound) parts.push(chunk.slice())
        return "more"
      }),
    text: () => {
      const decoder = new TextDecoder()
      return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode()
    }
  }
}

const fail = (
  reason: ProviderReason,
  detail: string,
  raw?: string
): ProviderError => new ProviderError({ provider: name, reason, detail, ...(raw === undefined ? {} : { raw }) })

const fileOf = ({ script }: Job): string =>
  script.slice(Math.max(script.lastIndexOf("/"), script.lastIndexOf("\\")) + 1)

const notStarted = (job: Job, { detail, program, reason }: Subprocess.SubprocessError): ProviderError => {
  const file = fileOf(job)
  switch (reason) {
    case "NotFound":
      return fail(
        "Misconfigured",
        program === job.script
          ? `${file} cannot be started: it, or the program its first line names, is not there`
          : `${file} needs ${program}, which is not in PATH`
      )
    case "NotExecutable":
      return fail(
        "Misconfigured",
        `${file} cannot be started (${detail}); has it a first line such as #!/bin/sh, and is it executable?`
      )
    case "InvalidArgument":
      return fail(
        "InvalidRequest",
        `${file} was not started (${detail}); an argument or a variable may have 128 KiB, and none may hold U+0000: ` +
          "give what is larger as input"
      )
    case "InvalidDirectory":
      return fail("InvalidRequest", `${file} was not started: its directory cannot be used (${detail})`)
    case "Busy":
    case "Failed":
      return fail("Misconfigured", `${file} could not be started (${detail})`)
  }
}

const answer = (
  request: Request,
  job: Job,
  ended: Subprocess.Ended,
  output: string,
  mask: (text: string) => string
): Effect.Effect<Answer, ProviderError> => {
  const file = fileOf(job)
  const text = mask(output)
  const stderr = mask(ended.stderr)
  const raw = [text, stderr].filter((part) => part.trim() !== "").join("\n").slice(0, maxRaw)
  const said = tailOf(stderr)
  const failed = (reason: ProviderReason, detail: string) =>
    Effect.fail(fail(reason, `${file} ${detail}${said === "" ? "" : `: ${said}`}`, raw))
  if (ended.endedBy === "silence") return failed("Unknown", `printed nothing for longer than ${request.idleTimeout}`)
  if (ended.endedBy === "output") return failed("Malformed", `printed more than it may, ${ended.outputBytes} bytes`)
  if (ended.signal !== null) return failed("Unknown", `was ended by ${ended.signal}`)
  if (ended.code !== 0) return failed("Unknown", `ended with exit code ${ended.code}`)
  const done = {
    raw: text,
    usage: Usage.zero,
    cost: { amount: Money.zero, source: name },
    model: name,
    session: undefined
  }
  if (request.schema === undefined) return Effect.succeed({ ...done, text, structured: undefined })
  const structured = jsonOf(text)
  return Option.isSome(structured)
    ? Effect.succeed({ ...done, text, structured: structured.value })
    : failed(
      "Malformed",
      `has to print JSON; ${text.trim() === "" ? "it printed nothing" : `its output ends in ${lastLine(text)}`}`
    )
}

const maxRaw = 4_194_304

/** The end of an error output on one line, for a message. */
const tailOf = (stderr: string): string =>
  stderr.trim().slice(-2_000).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim()

const lastLine = (text: string): string => JSON.stringify(text.trim().split("\n").at(-1)?.slice(0, 200) ?? "")

const jsonOf = (text: string): Option.Option<unknown> =>
  Option.orElse(parseJson(text), () => parseJson(text.trimEnd().split("\n").at(-1) ?? ""))
