/**
 * The `codex` command line: one `codex exec` for each request.
 *
 * - C1. Codex's own sandbox holds what a call may do: nothing is written unless the call may change files, then below
 *   its working directory and in temporary directories only. The sandbox is never switched off, whatever is asked for.
 * - C2. The prompt, with the system prompt at its head, goes by standard input, and a schema by a file.
 * - C3. A request in a session counts what it added to the session.
 * - C4. A profile that does not exist is an error before codex is started; codex would ignore it.
 *
 * A model is `slug`, `profile@slug` or `profile@`; see `CodexProfile`. Permissions are `read-only` and `workspace-write`,
 * which may narrow a call and not widen it, and for calls that may change files `network`, which lets commands reach
 * it, and `add-dir:PATH`, which lets them write in one more directory. Tool servers of the user's own configuration are
 * started by codex outside of its sandbox.
 *
 * Codex is given the variables it documents and those that the user's `config.toml` and profiles name as `env_key` or
 * `bearer_token_env_var`. Costs are those of the API, also where a ChatGPT plan pays; a model of another provider of the
 * user's configuration is priced under `provider/model`.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Subprocess } from "../internal/subprocess/Subprocess.ts"
import { Settings } from "../settings/Settings.ts"
import type { CliFormat, Completion, End, Events, Invocation, Problem } from "./CliFormat.ts"
import * as CliPrompt from "./CliPrompt.ts"
import * as CliProvider from "./CliProvider.ts"
import * as CodexEvents from "./CodexEvents.ts"
import * as CodexFailure from "./CodexFailure.ts"
import type { CodexConfig } from "./CodexProfile.ts"
import * as CodexProfile from "./CodexProfile.ts"
import * as CodexSchema from "./CodexSchema.ts"
import type { Pricing } from "./Pricing.ts"
import type { Provider, Request } from "./Provider.ts"

/**
 * The provider's name.
 * @category models
 * @since 0.1.0
 */
export const name = "codex"

/**
 * What is chosen about codex.
 * @category models
 * @since 0.1.0
 */
export type Options = CliProvider.ProgramOptions

/**
 * A provider of the `codex` command line.
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<Provider, never, Settings | Pricing | FileSystem.FileSystem | Subprocess> = Effect.fnUntraced(
  function*(options) {
    const files = yield* FileSystem.FileSystem
    const { variables } = yield* Settings
    const zone = Option.getOrElse(yield* Effect.serviceOption(DateTime.CurrentTimeZone), () => DateTime.zoneMakeLocal())
    const read = Effect.suspend(() => CodexProfile.read(files, homeOf(variables((name) => homes.has(name)))))
    // read again for every request, since the user may change it; the newest counts for all
    const known = { config: yield* read }
    const chosen = options.model === undefined ? undefined : CodexProfile.normalModel(options.model)
    const cli = yield* CliProvider.make(
      { ...options, name: options.name ?? name, model: chosen },
      format(() => known.config, zone)
    )
    const provider: Provider = {
      ...cli,
      resolveModel: (asked) => CodexProfile.normalModel(cli.resolveModel(asked)),
      ask: (request, listener) =>
        Effect.flatMap(read, (config) => {
          known.config = config
          return cli.ask(request, listener)
        })
    }
    return provider
  }
)

/**
 * How the command line of codex is used, with what its configuration says now, where clocks show the time of `zone`.
 * @category constructors
 * @since 0.1.0
 */
export const format = (config: () => CodexConfig, zone: DateTime.TimeZone): CliFormat => ({
  ...facts,
  variables: () => {
    const keys = CodexProfile.keyVariables(config())
    return (name) => ownVariables.has(name) || keys.has(name)
  },
  isSecret: (name) => CodexProfile.keyVariables(config()).has(name),
  pricedModel: (model) => CodexProfile.pricedModel(config(), model),
  overhead: () => overhead,
  invocation: (request) => invocation(config(), request),
  events: (request) => events(request, zone),
  failure: (end) => CodexFailure.ofEnd(end, { nowMillis: end.nowMillis, zone })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const homes: ReadonlySet<string> = new Set(["CODEX_HOME", "HOME"])

const homeOf = ({ CODEX_HOME: own = "", HOME: user = "" }: Readonly<Record<string, string>>): string | undefined => {
  if (own.trim() !== "") return own.replace(/\/+$/, "")
  return user === "" ? undefined : `${user}/.codex`
}

const ownVariables: ReadonlySet<string> = new Set([
  "CODEX_HOME",
  "CODEX_SQLITE_HOME",
  "CODEX_API_KEY",
  "CODEX_ACCESS_TOKEN",
  "CODEX_CA_CERTIFICATE",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "OPENAI_ORGANIZATION",
  "OPENAI_PROJECT"
])

/** Characters of input that codex takes; a character has four bytes at most. */
const mostCharacters = 1_048_576

const facts: Pick<CliFormat, "program" | "install" | "capabilities" | "environment" | "takesNul" | "pricedAs"> = {
  program: "codex",
  install: "install it with `npm install -g @openai/codex`, then run `codex login`",
  capabilities: { ...CliProvider.agent, schema: "native", cost: "priced", maxPromptBytes: mostCharacters * 4 },
  environment: {},
  takesNul: true,
  pricedAs: "codex"
}

/** Its instructions and tools have about 40 KB, and the repository's own instructions at most 32. */
const overhead = 20_000

const invalid = (detail: string): Either.Either<never, Problem> => Either.left({ reason: "InvalidRequest", detail })

const lastMessage = "last-message.txt"
const schemaFile = "schema.json"

/** Codex takes most flags before the name of a subcommand only. */
const fixed = ["exec", "--json", "--skip-git-repo-check", "--color", "never", "-c", "analytics.enabled=false"]

const invocation = (config: CodexConfig, request: Request): Either.Either<Invocation, Problem> =>
  Either.gen(function*() {
    const grants = yield* grantsOf(request)
    const { profile, slug } = yield* modelOf(config, request.model)
    const enforced = enforcedOf(request)
    const input = CliPrompt.make(enforced === undefined ? request : { ...request, schema: undefined })
    if (isTooLong(input)) {
      const detail = `codex takes prompts of ${mostCharacters} characters at most, its schema and corrections included`
      return yield* Either.left<Problem>({ reason: "ContextOverflow", detail })
    }
    return {
      args: (directory) => [
        ...fixed,
        "-s",
        grants.sandbox,
        ...(grants.hasNetwork ? ["-c", "sandbox_workspace_write.network_access=true"] : []),
        ...grants.directories.map((added) => `--add-dir=${added}`),
        ...(request.cwd === undefined ? [] : ["-C", request.cwd]),
        ...(profile === undefined ? [] : ["-p", profile]),
        ...(slug === undefined ? [] : ["-m", slug]),
        ...(enforced === undefined ? [] : ["--output-schema", `${directory}/${schemaFile}`]),
        "-o",
        `${directory}/${lastMessage}`,
        ...(request.session === undefined ? [] : ["resume", request.session.id]),
        "-"
      ],
      input,
      files: enforced === undefined ? {} : { [schemaFile]: JSON.stringify(enforced.schema) },
      reports: [lastMessage]
    }
  })

/** The text has one character for each two of its units at least. */
const isTooLong = (text: string): boolean =>
  text.length > mostCharacters && (text.length > mostCharacters * 2 || [...text].length > mostCharacters)

const enforcedOf = ({ schema }: Request): CodexSchema.CodexSchema | undefined =>
  schema === undefined ? undefined : Option.getOrUndefined(CodexSchema.make(schema))

const modelOf = (config: CodexConfig, model: string): Either.Either<CodexProfile.ModelName, Problem> => {
  const name = CodexProfile.parseModel(model)
  if (name.slug !== undefined && !/^[\w./:@+][\w./:@+ -]*$/.test(name.slug)) {
    return invalid(`no model is called ${JSON.stringify(name.slug.slice(0, 80))}`)
  }
  if (name.profile === undefined || config.profiles.has(name.profile)) return Either.right(name)
  const file = CodexProfile.isName(name.profile) && config.home !== undefined
    ? `${CodexProfile.fileOf(config.home, name.profile)} is not a file that can be read`
    : "profiles are files NAME.config.toml in $CODEX_HOME, or in .codex of $HOME"
  const profile = JSON.stringify(name.profile.slice(0, 80))
  return Either.left({ reason: "Misconfigured", detail: `there is no profile ${profile} of codex: ${file}` })
}

interface Grants {
  readonly sandbox: "read-only" | "workspace-write"
  readonly hasNetwork: boolean
  readonly directories: ReadonlyArray<string>
}

const grantsOf = ({ mutates, permissions = [] }: Request): Either.Either<Grants, Problem> => {
  const directories: Array<string> = []
  let hasNetwork = false
  let isNarrow = !mutates
  for (const permission of permissions) {
    if (permission === "read-only") isNarrow = true
    else if (permission === "workspace-write" && mutates) continue
    else if (permission === "network") hasNetwork = true
    else if (/^add-dir:\/[^\u0000]*$/.test(permission)) directories.push(permission.slice("add-dir:".length))
    else return notGranted(permission)
  }
  if (isNarrow && (hasNetwork || directories.length > 0)) {
    return invalid(
      "the permissions network and add-dir are for calls that may change files, by writeScope or isolation"
    )
  }
  return Either.right({ sandbox: isNarrow ? "read-only" : "workspace-write", hasNetwork, directories })
}

const notGranted = (permission: string): Either.Either<never, Problem> => {
  if (permission === "workspace-write") {
    return invalid("the permission workspace-write is for calls that may change files, by writeScope or isolation")
  }
  const shown = JSON.stringify(permission.slice(0, 80))
  return invalid(
    `codex is not given the permission ${shown}; it takes read-only, workspace-write, network and add-dir:/PATH`
  )
}

const events = (request: Request, zone: DateTime.TimeZone): Events => {
  const enforced = enforcedOf(request)
  let transcript = CodexEvents.empty
  /** Of this request: a thread that is not the continued one starts counting anew. */
  const usage = () => {
    const { thread, total } = transcript
    const isContinued = thread === undefined || thread === request.session?.id
    return total === undefined || request.session === undefined || !isContinued
      ? total
      : CodexEvents.added(total, request.session.used)
  }
  return {
    next: (line) => {
      const before = transcript
      transcript = CodexEvents.next(before, line)
      return {
        session: transcript.thread,
        usage: transcript.total === before.total ? undefined : usage(),
        isComplete: transcript.turn._tag !== "Open"
      }
    },
    completion: (end) =>
      completion(transcript, end, zone, (text) => ({
        text: enforced === undefined ? text : enforced.unwrap(text),
        structured: undefined,
        problem: undefined,
        usage: usage(),
        costUsd: undefined,
        model: undefined
      }))
  }
}

const completion = (
  { error, message, turn }: CodexEvents.Transcript,
  end: End,
  zone: DateTime.TimeZone,
  answer: (text: string) => Completion
): Completion | undefined => {
  const failed = (said: string): Completion => ({
    ...answer(""),
    problem: CodexFailure.ofMessage(said, { nowMillis: end.nowMillis, zone })
  })
  switch (turn._tag) {
    case "Completed":
      return answer(message ?? end.reports?.[lastMessage] ?? "")
    case "Failed":
      return failed(turn.message === "" ? error ?? "" : turn.message)
    case "Open":
      // codex gave up without saying that the turn failed
      return error === undefined || end.endedBy !== "itself" || end.code === 0 ? undefined : failed(error)
  }
}
