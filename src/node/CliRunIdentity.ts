/**
 * Runs with a name of their own, `<workflow>-<run-id>`: which of "start", "go on" and "start anew" a command means.
 *
 * - I1. A run that has not ended is gone on with, with the arguments it was started with: others are refused, not ignored.
 * - I2. A run that is done, or came to a `fail` node, has ended: the next one of its name starts anew, and the old one
 *   keeps its id.
 * - I3. Of two commands that start a run of one name at the same time one does, and the other is told that it runs.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import type { RunRequest } from "../cli/Host.ts"
import * as RunView from "../cli/RunView.ts"
import type { UsageError } from "../cli/UsageError.ts"
import * as Usage from "../cli/UsageError.ts"
import type * as Records from "../domain/Records.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import { RunStore } from "../store/RunStore.ts"

/**
 * What a command means by a run's name: a run to go on with, or a new one, after `replaces` where there was one.
 * @category models
 * @since 0.1.0
 */
export type Meant =
  | { readonly _tag: "GoOn"; readonly run: Records.Run }
  | { readonly _tag: "Start"; readonly replaces: Records.Run | undefined }

/**
 * The name of a run; undefined for one that has none.
 * @category converting
 * @since 0.1.0
 */
export const aliasOf = (
  workflow: string,
  runId: string | undefined,
  isFlow: boolean
): Effect.Effect<string | undefined, UsageError> => {
  const id = runId ?? (isFlow ? "default" : undefined)
  if (id === undefined) return Effect.succeed(undefined)
  return /^[\w.-]{1,100}$/.test(id) && !/^\.+$/.test(id)
    ? Effect.succeed(`${workflow}-${id}`)
    : Usage.make(
      `--run-id is '${id.slice(0, 80)}'; it has to be a name of letters, digits, '.', '_' and '-'.`,
      "Such as --run-id nightly."
    )
}

/**
 * What is meant, by what the store says of the name.
 * @category running
 * @since 0.1.0
 */
export const decide = (
  alias: string,
  request: Pick<RunRequest, "fresh">,
  asked: { readonly path: string; readonly args: Readonly<Record<string, unknown>> }
) =>
  Effect.gen(function*() {
    const { byAlias } = yield* RunStore
    const found = Option.getOrUndefined(yield* byAlias(alias))
    if (found === undefined) return start(undefined)
    if (request.fresh) {
      return found.status === "running" || found.status === "waiting"
        ? yield* Usage.make(
          `Run ${found.id} of the name ${alias} is under way.`,
          "Stop it first, or choose another name with --run-id."
        )
        : start(found)
    }
    // I2
    if (RunView.hasEnded(found)) return start(found)
    yield* checkFile(alias, found, asked.path)
    yield* checkArgs(alias, found, asked.args)
    return { _tag: "GoOn", run: found } satisfies Meant
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const start = (replaces: Records.Run | undefined): Meant => ({ _tag: "Start", replaces })

const advice = "Start anew with --fresh, or choose another name with --run-id."

/** Another file with a workflow of the same name is another workflow; a file that was moved is the same one. */
const checkFile = (alias: string, run: Records.Run, path: string): Effect.Effect<void, UsageError> =>
  run.scriptPath === null || run.scriptPath === path || !Fs.existsSync(run.scriptPath)
    ? Effect.void
    : Usage.make(`Run ${run.id} of the name ${alias} has not ended and is one of ${run.scriptPath}.`, advice)

const checkArgs = (
  alias: string,
  run: Records.Run,
  args: Readonly<Record<string, unknown>>
): Effect.Effect<void, UsageError> =>
  Effect.flatMap(Effect.orDie(decodeArgs(run.argsJson)), (stored) => {
    const other = Object.keys(args).find((key) => textOf(args[key]) !== textOf(stored[key]))
    return other === undefined ? Effect.void : Usage.make(
      `Run ${run.id} of the name ${alias} has not ended and was started with another '${other}'.`,
      `Leave the arguments out to go on with it. ${advice}`
    )
  })

const textOf = (value: unknown): string => canonicalJson.encodeUnsafe(canonicalJson.toJson(value))

const decodeArgs = Schema.decode(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))
