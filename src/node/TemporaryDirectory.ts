/**
 * Directories for as long as something is done, of which nothing stays.
 *
 * - D1. One is gone with its scope, and also when a script ends the process.
 * - D2. What a process left that was killed is removed when the next of the kind is made. One stays whose owner is alive
 *   or cannot be told, and so does one that belongs to another user.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { OwnerId } from "../store/Owner.ts"
import { Owner } from "../store/Owner.ts"
import * as ProcessOwner from "./ProcessOwner.ts"

/**
 * Makes a directory whose name begins so, and removes those of the kind that nobody has any more.
 * @category constructors
 * @since 0.1.0
 */
export const make = (prefix: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { check, self } = yield* Owner
    yield* Effect.forEach(directories(prefix), (directory) => removeIfLeft(directory, check), { discard: true })
    return yield* Effect.acquireRelease(Effect.sync(() => create(prefix, self)), remove)
  }).pipe(Effect.map(({ directory }) => directory), Effect.provide(ProcessOwner.layer))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ownerFile = "owner.json"

const StoredOwner = Schema.parseJson(
  Schema.Struct({ pid: Schema.Int, startedAt: Schema.String, system: Schema.String, host: Schema.String })
)

interface Made {
  readonly directory: string
  readonly atExit: () => void
}

const create = (prefix: string, self: OwnerId): Made => {
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), prefix))
  const atExit = () => Fs.rmSync(directory, { recursive: true, force: true })
  process.once("exit", atExit)
  Fs.writeFileSync(Path.join(directory, ownerFile), Schema.encodeSync(StoredOwner)(self), { mode: 0o600 })
  return { directory, atExit }
}

const remove = ({ atExit }: Made): Effect.Effect<void> =>
  Effect.sync(() => {
    process.off("exit", atExit)
    atExit()
  })

const directories = (prefix: string): ReadonlyArray<string> =>
  Fs.readdirSync(Os.tmpdir(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .map(({ name }) => Path.join(Os.tmpdir(), name))

/** What cannot be read or removed now stays for the one after this. */
const removeIfLeft = (directory: string, check: Owner["Type"]["check"]): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (!isOurs(yield* Effect.try(() => Fs.lstatSync(directory).uid))) return
    const text = yield* Effect.try(() => Fs.readFileSync(Path.join(directory, ownerFile), "utf8"))
    const owner = Option.getOrUndefined(Schema.decodeOption(StoredOwner)(text))
    if (owner === undefined || (yield* check(owner)) !== "dead") return
    yield* Effect.try(() => Fs.rmSync(directory, { recursive: true, force: true }))
  }).pipe(Effect.ignoreLogged)

/** Where the system has no users of that kind, its directory for temporary files is the user's own. */
const isOurs = (user: number): boolean => process.getuid === undefined || user === process.getuid()
