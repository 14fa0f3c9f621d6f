/**
 * Asks programs for their version: whether they are there and can be started, within a few seconds.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ProgramView } from "../cli/Inspection.ts"
import { Subprocess } from "../internal/subprocess/Subprocess.ts"
import * as CliEnvironment from "../provider/CliEnvironment.ts"
import { Settings } from "../settings/Settings.ts"

/**
 * A program as it is found in the `PATH` of the settings.
 * @category running
 * @since 0.1.0
 */
export const probe = Effect.fnUntraced(function*(command: string, timeout: Duration.Duration = patience) {
  const { variables } = yield* Settings
  const programs = yield* Subprocess
  const environment = CliEnvironment.make(variables, { environment: {}, variables: () => () => false })
  const path = yield* programs.find(command, environment)
  if (path === undefined) return { command, path: null, version: null, problem: "not found" } satisfies ProgramView
  let output = ""
  const decoder = new TextDecoder()
  const ran = yield* programs.run(
    {
      program: path,
      args: ["--version"],
      cwd: undefined,
      environment,
      input: "",
      maxOutputBytes: 65_536,
      grace: Duration.millis(500),
      linger: Duration.millis(500)
    },
    (chunk) =>
      Effect.sync(() => {
        output += decoder.decode(chunk, { stream: true })
        return "more" as const
      })
  ).pipe(Effect.either, Effect.timeoutOption(timeout))
  const found = (version: string | null, problem: string | null): ProgramView => ({ command, path, version, problem })
  if (Option.isNone(ran)) return found(null, `it did not say its version within ${Duration.format(timeout)}`)
  if (ran.value._tag === "Left") return found(null, `it cannot be started: ${ran.value.left.detail}`)
  const { code, endedBy, stderr } = ran.value.right
  if (stub.test(output) || stub.test(stderr)) {
    return found(null, "its install script was not run, so the program itself is missing")
  }
  const version = versionIn(output) ?? versionIn(stderr)
  const failed = code !== 0 || endedBy !== "itself"
  return found(version, failed && version === null ? `it ended with exit code ${code ?? "none"} and no version` : null)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const patience = Duration.seconds(5)

/** What packages print in place of a program whose install script npm did not run. */
const stub =
  /native binary not installed|run the postinstall|postinstall (?:script )?(?:was|did)|could not find .*native binary/i

const versionIn = (text: string): string | null =>
  /(?<![\w.])v?(\d+\.\d+(?:\.\d+)?(?:[-+][\w.+-]{1,40})?)/.exec(text.slice(0, 4_096))?.[1] ?? null
