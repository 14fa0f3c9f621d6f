/**
 * Agents behind a command line: one program is started for each request.
 *
 * - C1. The prompt goes by standard input and longer texts by files that only this user can read; neither is in an
 *   argument.
 * - C2. What the program prints decides, never its exit code: a result counts although the program fails or hangs after
 *   it, and an exit code of 0 without a result is no answer.
 * - C3. The program sees the variables of `CliEnvironment`, and every secret among them is masked in all that leaves
 *   this module.
 * - C4. What was printed stays with the answer or the error, within bounds.
 * - C5. A cost that the program reports is taken when it is a sum of money that can be true; else the price table's is,
 *   else none.
 * - C6. A program that could be started once and now cannot is being replaced: that passes.
 * - C7. A program that broke off at work may have used more than it told, so that its request is not held to be free.
 *
 * A session that turns out to be gone is remembered, so that the caller's retry starts a new one.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { SubprocessError } from "../internal/subprocess/Subprocess.ts"
import * as Subprocess from "../internal/subprocess/Subprocess.ts"
import { Settings } from "../settings/Settings.ts"
import * as CliEnvironment from "./CliEnvironment.ts"
import type { CliFormat, Completion, End, Events, Invocation, Problem } from "./CliFormat.ts"
import * as CliMoney from "./CliMoney.ts"
import * as CliOutput from "./CliOutput.ts"
import * as CliReports from "./CliReports.ts"
import * as CliSessions from "./CliSessions.ts"
import * as Pricing from "./Pricing.ts"
import type { Answer, Capabilities, Estimate, Listener, Provider, Request } from "./Provider.ts"
import { ProviderError } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"

/**
 * A program and how to use it.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  /** Name or path of the program. Defaults to the format's. */
  readonly command?: string | undefined
  /** Model of calls that name none. Defaults to the program's own choice. */
  readonly model?: string | undefined
  readonly concurrency: number | undefined
  /** Bytes a program may print. Defaults to 1 GiB. */
  readonly maxOutputBytes?: number | undefined
  /** Time between asking the program to end and ending it. Defaults to 5 seconds. */
  readonly grace?: Subprocess.Command["grace"]
  /** Time it has to end by itself after its result. Defaults to 10 seconds. */
  readonly linger?: Subprocess.Command["linger"]
}

/**
 * How a program of a known format is used.
 * @category models
 * @since 0.1.0
 */
export interface ProgramOptions extends Omit<Options, "name"> {
  /** Defaults to the format's own. */
  readonly name?: string | undefined
}

/**
 * The model of calls that name none, where the program chooses it.
 * @category models
 * @since 0.1.0
 */
export const defaultModel = "default"

/**
 * What an agent behind a command line can do unless its format says otherwise.
 * @category models
 * @since 0.1.0
 */
export const agent = {
  schema: "prompt",
  readsFiles: true,
  writesFiles: true,
  boundsOutput: false,
  temperature: false,
  sessions: true,
  readOnly: "enforced",
  maxPromptBytes: undefined
} as const satisfies Partial<Capabilities>

/**
 * A provider of one program.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options, format: CliFormat) {
  const clock = yield* Effect.clock
  const services: Services = {
    options,
    format,
    variables: (yield* Settings).variables,
    pricing: yield* Pricing.Pricing,
    files: yield* FileSystem.FileSystem,
    subprocess: yield* Subprocess.Subprocess,
    sessions: CliSessions.make(),
    known: { wasStarted: false }
  }
  const chosen = options.model ?? defaultModel

  const provider: Provider = {
    name: options.name,
    capabilities: { ...format.capabilities, concurrency: options.concurrency, limits: undefined },
    resolveModel: (asked) => {
      const name = asked?.trim() ?? ""
      return name === "" || name === defaultModel || name.toLowerCase() === options.name ? chosen : name
    },
    estimate: (request) => estimate(services, request, () => clock.unsafeCurrentTimeMillis()),
    ask: Effect.fn("CliProvider.ask")((request, listener) => Effect.scoped(ask(services, request, listener)))
  }
  return provider
})

/**
 * A provider of a program of a known format, under its own name where no other is given.
 * @category constructors
 * @since 0.1.0
 */
export const ofProgram = (name: string, format: CliFormat, options: ProgramOptions) =>
  make({ ...options, name: options.name ?? name }, format)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Services {
  readonly options: Options
  readonly format: CliFormat
  readonly variables: Settings["Type"]["variables"]
  readonly pricing: Pricing.Pricing["Type"]
  readonly files: FileSystem.FileSystem
  readonly subprocess: Subprocess.Subprocess["Type"]
  readonly sessions: CliSessions.CliSessions
  readonly known: { wasStarted: boolean }
}

const maxDetail = 2_048
const encoder = new TextEncoder()

const ask = Effect.fnUntraced(function*(services: Services, asked: Request, listener: Listener) {
  const { format, sessions } = services
  const environment = CliEnvironment.make(services.variables, format)
  const mask = CliEnvironment.mask(environment, format.isSecret)
  const request = sessions.known(asked)
  const wrong = refused(format, request)
  if (wrong !== undefined) return yield* fail(services, mask, wrong)
  const sessionId = yield* CliSessions.newId
  const invocation = yield* Effect.catchAll(
    format.invocation(request, sessionId),
    (problem) => fail(services, mask, problem)
  )
  const directory = yield* writeFiles(services, mask, invocation)
  const reading = makeReading(format.events(request, sessionId), mask, listener)
  const ended = yield* services.subprocess.run({
    program: services.options.command ?? format.program,
    args: invocation.args(directory),
    cwd: request.cwd,
    environment: { ...environment, ...invocation.environment },
    input: invocation.input,
    idleTimeout: request.idleTimeout,
    maxOutputBytes: services.options.maxOutputBytes,
    grace: services.options.grace,
    linger: services.options.linger
  }, reading.sink).pipe(Effect.catchAll((error) => notStarted(services, mask, error)))
  yield* reading.rest
  const reports = yield* CliReports.read(services.files, directory, mask, invocation.reports)
  return yield* settle({ services, request, mask, reading }, { ...ended, reports }, yield* Clock.currentTimeMillis)
})

/** What no program takes: these go by arguments, where a leading dash would be a flag. */
const refused = (format: CliFormat, { cwd, model, prompt, session, system }: Request): Problem | undefined => {
  const invalid = (detail: string): Problem => ({ reason: "InvalidRequest", detail })
  if (model.startsWith("-") || /[\u0000-\u001f]/.test(model)) {
    return invalid(`no model is called ${JSON.stringify(model.slice(0, 80))}`)
  }
  if (session !== undefined && !/^\w[\w.:-]*$/.test(session.id)) return invalid("the session's id is not one")
  if (cwd?.includes("\u0000") === true) return invalid("the working directory's name holds U+0000")
  if (!format.takesNul && `${prompt}${system ?? ""}`.includes("\u0000")) {
    return invalid(`${format.program} does not take a prompt with U+0000 in it`)
  }
  return undefined
}

const fail = (
  { options }: Services,
  mask: (text: string) => string,
  { detail, reason, retryAfterMs }: Problem,
  facts: Partial<Omit<ConstructorParameters<typeof ProviderError>[0], "provider" | "reason" | "detail">> = {}
): ProviderError =>
  new ProviderError({
    provider: options.name,
    reason,
    detail: printable(mask(detail)),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...facts
  })

/** A detail is shown to people, so nothing in it may steer a terminal. */
const printable = (text: string): string => {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ")
    .trim()
  return plain.length > maxDetail ? `${plain.slice(0, maxDetail)}…` : plain
}

/** Writes the files of a request to a directory of this user's own, which is removed with the scope. */
const writeFiles = (
  services: Services,
  mask: (text: string) => string,
  { files = {}, reports = [] }: Invocation
): Effect.Effect<string, ProviderError, Scope.Scope> => {
  const entries = Object.entries(files)
  if (entries.length === 0 && reports.length === 0) return Effect.succeed("")
  return Effect.gen(function*() {
    const directory = yield* services.files.makeTempDirectoryScoped({ prefix: "owf-" })
    for (const [name, text] of entries) {
      yield* services.files.writeFileString(`${directory}/${name}`, text, { mode: 0o600 })
    }
    return directory
  }).pipe(Effect.catchAll((error) => {
    const why = error._tag === "SystemError" ? error.reason : "BadArgument"
    const detail = `a temporary file for ${services.format.program} cannot be written (${why})`
    return fail(services, mask, { reason: "Misconfigured", detail })
  }))
}

interface Reading {
  readonly sink: Subprocess.Sink
  /** Takes what was printed after the last line feed. */
  readonly rest: Effect.Effect<void>
  readonly events: Events
  readonly output: CliOutput.CliOutput
  readonly session: () => string | undefined
  /** Tokens of which the output told before a result. */
  readonly usage: () => Usage.Usage | undefined
}

const makeReading = (events: Events, mask: (text: string) => string, listener: Listener): Reading => {
  const output = CliOutput.make(mask)
  let session: string | undefined
  let used: Usage.Usage | undefined
  let isComplete = false
  const take = (lines: ReadonlyArray<string>): Effect.Effect<void> => {
    let told: Effect.Effect<void> = Effect.void
    let usage: Usage.Usage | undefined
    for (const line of lines) {
      // what follows the result is not part of it
      if (isComplete) break
      const next = events.next(line)
      if (next.usage !== undefined) usage = next.usage
      if (session === undefined && next.session !== undefined) {
        session = next.session
        told = listener.session(next.session)
      }
      isComplete = next.isComplete
    }
    if (usage === undefined) return told
    used = usage
    return Effect.zipRight(told, listener.usage(usage))
  }
  return {
    sink: (chunk) => Effect.suspend(() => Effect.map(take(output.push(chunk)), () => isComplete ? "complete" : "more")),
    rest: Effect.suspend(() => take(output.rest())),
    events,
    output,
    session: () => session,
    usage: () => used
  }
}

interface Settling {
  readonly services: Services
  readonly request: Request
  readonly mask: (text: string) => string
  readonly reading: Reading
}

/** Shells and `env` end with these when what they were to start is not there or none that this machine can run. */
const isNotStarted = ({ code }: Subprocess.Ended, output: CliOutput.CliOutput): boolean =>
  (code === 126 || code === 127) && output.isBlank()

const settle = (
  settling: Settling,
  ended: Omit<End, "nowMillis">,
  nowMillis: number
): Effect.Effect<Answer, ProviderError> => {
  const { mask, reading, request, services } = settling
  const end = { ...ended, stderr: mask(CliOutput.endOf(ended.stderr)), nowMillis }
  const completion = reading.events.completion(end)
  if (!isNotStarted(ended, reading.output)) services.known.wasStarted = true
  const problem = completion === undefined
    ? services.format.failure(end) ?? withoutResult(settling, end)
    : completion.problem ?? emptiness(completion)
  const usage = completion === undefined ? reading.usage() : completion.usage
  const cost = CliMoney.spent(services.pricing, services.format, { ...completion, usage }, request.model, nowMillis)
  const session = reading.session()
  if (completion !== undefined && problem === undefined) {
    const { model, structured, text } = completion
    return Effect.succeed({ text, structured, raw: reading.output.kept(), usage, cost, model, session })
  }
  if (problem?.isSessionLost === true) services.sessions.lose(request)
  const raw = [reading.output.kept(), end.stderr].filter((text) => text.trim() !== "").join("\n")
  // a session in which nothing was said is not worth continuing
  const isBegun = usage !== undefined && Usage.total(usage) > 0
  const why = problem ?? { reason: "Unknown", detail: "ended without an answer" }
  return fail(services, mask, why, {
    ...(isBrokenOff(settling, ended, completion, why) ? { mayBeBilled: true } : {}),
    ...(raw === "" ? {} : { raw }),
    ...(usage === undefined ? {} : { usage }),
    ...(cost === undefined ? {} : { cost }),
    ...(session === undefined || !isBegun ? {} : { session })
  })
}

/** Reasons that say of no server that it refused the request: it may have worked on it. */
const unrefused: ReadonlySet<ProviderReason> = new Set([
  "EmptyAnswer",
  "Malformed",
  "Silent",
  "Transport",
  "Unavailable",
  "Unknown"
])

/** Whether the program was at work, and nobody says all that it used (C7). */
const isBrokenOff = (
  { reading: { output } }: Settling,
  ended: Pick<Subprocess.Ended, "code" | "signal" | "endedBy">,
  completion: Completion | undefined,
  { isSessionLost, reason }: Problem
): boolean => {
  if (isSessionLost === true || !unrefused.has(reason)) return false
  if (completion !== undefined) return completion.usage === undefined
  // one that ends by itself without a word has not come far
  return ended.endedBy !== "itself" || ended.signal !== null || !output.isBlank()
}

const emptiness = ({ structured, text }: Completion): Problem | undefined =>
  structured === undefined && text.trim() === ""
    ? { reason: "EmptyAnswer", detail: "the answer is empty" }
    : undefined

/** An end without a result: the program was ended, broke, or is not the one that was expected (C2). */
const withoutResult = ({ reading: { output }, request, services }: Settling, end: Subprocess.Ended): Problem => {
  const { program } = services.format
  const problem = (reason: ProviderReason, detail: string): Problem => ({ reason, detail })
  if (end.endedBy === "silence") {
    const bound = request.idleTimeout === undefined ? "the bound" : String(request.idleTimeout)
    return problem("Silent", `${program} printed nothing for longer than ${bound}`)
  }
  if (end.endedBy === "output") return problem("Malformed", `${program} printed more than it may, and no result`)
  if (output.dropped() > 0) {
    return problem("Malformed", `${program} printed a line of more than ${CliOutput.bounds.line} bytes, and no result`)
  }
  const said = lastLine(end.stderr)
  if (isNotStarted(end, output)) return unusable(services, `exit code ${end.code}: ${said}`)
  const why = said === "" ? "" : `: ${said}`
  if (end.signal !== null) return problem("Unavailable", `${program} was ended by ${end.signal}${why}`)
  if (end.code !== 0) {
    const reason = output.isBlank() ? "Unknown" : "Unavailable"
    return problem(reason, `${program} ended with exit code ${end.code} before its answer was complete${why}`)
  }
  if (output.isBlank()) return problem("EmptyAnswer", `${program} ended without printing an answer${why}`)
  const { number, text } = output.last()
  return problem("Malformed", `${program} ended without a result; line ${number}, its last, is ${text.slice(0, 200)}`)
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim().slice(0, 500) ?? ""

const notStarted = (
  services: Services,
  mask: (text: string) => string,
  { detail, reason }: SubprocessError
): ProviderError => {
  const program = services.options.command ?? services.format.program
  const { wasStarted } = services.known
  const failed = (why: ProviderReason, text: string) => fail(services, mask, { reason: why, detail: text })
  switch (reason) {
    case "NotFound":
      return wasStarted
        ? failed("Unavailable", `${program} is not there any more; it may be in the middle of an update`)
        : failed("Misconfigured", `${program} is not in PATH; ${services.format.install}`)
    case "NotExecutable":
      return fail(services, mask, unusable(services, detail))
    case "Busy":
      return failed("Unavailable", `${program} is being replaced (${detail})`)
    case "InvalidArgument":
      return failed("InvalidRequest", `${program} does not take an argument of this request (${detail})`)
    case "InvalidDirectory":
      return failed("InvalidRequest", `the working directory cannot be used (${detail})`)
    case "Failed":
      return failed("Unavailable", `${program} could not be started (${detail})`)
  }
}

/** Something of the program's name is there that cannot be started (C6). */
const unusable = ({ format, known, options }: Services, why: string): Problem => {
  const program = options.command ?? format.program
  return known.wasStarted
    ? { reason: "Unavailable", detail: `${program} cannot be started now; it may be in the middle of an update` }
    : { reason: "Misconfigured", detail: `${program} is not a program that can be started here (${why})` }
}

/** A resumed session is sent again with every request, so what it used counts as input. */
const estimate = (
  { format, options, pricing }: Services,
  request: Omit<Request, "timeout">,
  nowMillis: () => number
): Estimate => {
  const { correction, prompt, schema, session, system = "" } = request
  const text = SchemaWords.withCorrection(SchemaWords.withSchema(prompt, schema), correction) + system
  const used = session === undefined ? 0 : CliMoney.context(session.used)
  const model = request.model === defaultModel ? options.model ?? defaultModel : request.model
  return {
    inputTokens: encoder.encode(text).length + format.overhead(request) + used,
    outputTokens: CliMoney.expectedOutputTokens,
    cost: (inputTokens, outputTokens) =>
      Option.getOrUndefined(
        Option.map(
          pricing.priceAt(format.pricedAs, format.pricedModel(model), nowMillis()),
          (price) => Pricing.bound(price, inputTokens, outputTokens)
        )
      )
  }
}
