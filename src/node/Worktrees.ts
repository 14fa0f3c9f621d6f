/**
 * What calls left in their worktrees: listed, shown, brought into a checkout, and cleaned away. The commands
 * `owf worktrees`, `owf diff`, `owf apply` and `owf gc` are these functions.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import * as Supervisor from "../internal/subprocess/Supervisor.ts"
import { RunFiles } from "../store/RunFiles.ts"
import { RunStore } from "../store/RunStore.ts"
import * as Apply from "../worktree/Apply.ts"
import * as Gc from "../worktree/Gc.ts"
import * as Listing from "../worktree/Listing.ts"
import * as WorktreeNode from "./WorktreeNode.ts"

/**
 * A directory of the repository. Defaults to the process's.
 * @category models
 * @since 0.1.0
 */
export interface Where {
  readonly cwd?: string | undefined
}

/**
 * A call with what is recorded of its commits.
 * @category models
 * @since 0.1.0
 */
export type Call = Pick<Records.Call, "id" | "label" | "baseCommit" | "headCommit">

/**
 * The worktrees of calls in a repository, or those of one run.
 * @category queries
 * @since 0.1.0
 */
export const list = Effect.fn("Worktrees.list")(function*(options: Where & { readonly run?: RunId | undefined } = {}) {
  const live = new Set((yield* roots).flatMap((run) => isLive(run) ? [run.id] : []))
  const store = yield* RunStore
  const known = new Map((yield* store.runs({ children: true, limit: all })).map((run) => [run.id, run.rootRunId]))
  return yield* Effect.provide(
    Listing.list({
      ...placeOf(options),
      run: options.run,
      // what another home made is not known to be over
      isLive: (id) => live.has(known.get(id) ?? id) || !known.has(id)
    }),
    services
  ).pipe(
    // where there is no repository there are none of its worktrees
    Effect.catchIf((error) => error.reason === "NoRepository", () => Effect.succeed([]))
  )
})

/**
 * What a call changed, as git writes it, whole where its commits are still there; null when it changed nothing.
 * @category queries
 * @since 0.1.0
 */
export const diff = Effect.fn("Worktrees.diff")(function*(call: Call, options: Where = {}) {
  const store = yield* RunStore
  const { isCut, text } = yield* store.patch(call.id)
  if (text === null) return null
  const { baseCommit, headCommit } = call
  return yield* Effect.provide(
    Apply.diff({ baseCommit, headCommit, patch: text, isPatchCut: isCut }, placeOf(options)),
    services
  )
})

/**
 * Brings what an isolated call did into the files of a checkout, or onto a branch; all of it or nothing.
 * @category running
 * @since 0.1.0
 */
export const apply = (call: Call, options: Where & { readonly branch?: string | undefined } = {}) =>
  Effect.provide(
    Apply.apply(call, {
      ...placeOf(options),
      branch: options.branch,
      message: `${call.label ?? "Work of an agent"}\n\nFrom call ${call.id}`
    }),
    services
  )

/**
 * What is to be cleaned away.
 * @category models
 * @since 0.1.0
 */
export interface GcOptions extends Where {
  /** Only what runs left that ended longer ago. Defaults to 30 days. */
  readonly olderThan?: Duration.DurationInput | undefined
  /** Whether records and files of runs go too, where nothing of them stays. */
  readonly runs?: boolean | undefined
  /** What is given up although nothing else holds it. Defaults to nothing. */
  readonly discard?: ReadonlyArray<Gc.Discard> | undefined
  /** Whether it is done, and not only said. */
  readonly apply?: boolean | undefined
}

/**
 * A thing that a run left, and what becomes of it.
 * @category models
 * @since 0.1.0
 */
export interface Item extends Omit<Gc.Item, "kind"> {
  readonly kind: Gc.Item["kind"] | "run"
}

/**
 * Removes what runs left and nothing needs any more, or says what would be removed. Runs under way are never touched.
 * @category running
 * @since 0.1.0
 */
export const gc = Effect.fn("Worktrees.gc")(function*(options: GcOptions = {}) {
  const store = yield* RunStore
  const olderThan = Duration.decode(options.olderThan ?? Duration.days(30))
  const known = yield* store.runs({ children: true, limit: all })
  const live = new Set(known.flatMap((run) => isLive(run) ? [run.rootRunId] : []))
  const runs = known.map((run): Gc.Run => ({
    id: run.id,
    isLive: live.has(run.rootRunId),
    endedAt: Date.parse(run.completedAt ?? run.updatedAt)
  }))
  const asked: Gc.Options = { ...placeOf(options), home: store.home, runs, olderThan, discard: options.discard }
  const sweep = options.apply === true ? Gc.execute(asked) : Gc.plan(asked)
  const left: ReadonlyArray<Item> = yield* Effect.provide(sweep, services).pipe(
    Effect.map(({ items }) => items),
    // a home whose runs had no repository can be cleaned all the same
    Effect.catchIf((error) => error.reason === "NoRepository", () => Effect.succeed([]))
  )
  if (options.runs !== true) return left
  const now = yield* Clock.currentTimeMillis
  // a worktree that stays comes before the branch that stays for it, and says why
  const kept = left.filter(({ isRemoved }) => !isRemoved).toReversed()
  const stays = new Map(kept.flatMap((item) => item.run === null ? [] : [[item.run, item]]))
  const items: Array<Item> = [...left]
  for (const root of known.filter((run) => run.parentRunId === null)) {
    const members = known.filter((run) => run.rootRunId === root.id)
    const removed = left.flatMap(({ isRemoved, name }) => isRemoved ? [name] : [])
    const doubt = yield* doubtOf(root, members, { live, now, olderThan, removed, stays })
    const bytes = yield* sizeOf(members)
    if (doubt === undefined && options.apply === true) yield* remove(root, members)
    items.push({
      kind: "run",
      run: root.id,
      name: root.id,
      isRemoved: doubt === undefined,
      why: doubt?.why ?? `it ended ${root.completedAt ?? root.updatedAt}, and nothing of it is needed`,
      discard: doubt?.discard ?? null,
      bytes: doubt === undefined ? bytes : null
    })
  }
  return items
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const all = Number.MAX_SAFE_INTEGER

const services = Layer.mergeAll(Supervisor.layer, NodeFileSystem.layer, NodePath.layer)

const placeOf = ({ cwd }: Where) => ({
  cwd: cwd === undefined ? process.cwd() : Path.resolve(cwd),
  environment: WorktreeNode.environment()
})

const roots = Effect.flatMap(RunStore, (store) => store.runs({ limit: all }))

const isLive = ({ status }: Records.Run): boolean => status === "running" || status === "waiting"

/** Why a run's record stays; undefined when nothing needs it. */
const doubtOf = (root: Records.Run, members: ReadonlyArray<Records.Run>, known: {
  readonly live: ReadonlySet<RunId>
  readonly now: number
  readonly olderThan: Duration.Duration
  readonly removed: ReadonlyArray<string>
  readonly stays: ReadonlyMap<RunId, Item>
}) =>
  Effect.map(RunFiles, (files): Pick<Item, "why" | "discard"> | undefined => {
    const because = (why: string, discard: Gc.Discard | null = null) => ({ why, discard })
    if (known.live.has(root.id)) return because("it is under way")
    if (known.now - Date.parse(root.completedAt ?? root.updatedAt) < Duration.toMillis(known.olderThan)) {
      return because(`it is younger than ${Duration.format(known.olderThan)}`)
    }
    for (const { id } of members) {
      const left = known.stays.get(id)
      if (left !== undefined) return because(`something it left stays: ${left.why}`, left.discard)
      const trees = Path.join(files.directory(id), "worktrees")
      const there = namesIn(trees).find((name) => !known.removed.includes(Path.join(realOf(trees), name)))
      if (there !== undefined) return because(`it has a worktree of another repository: ${Path.join(trees, there)}`)
    }
    return undefined
  })

const remove = Effect.fnUntraced(function*(root: Records.Run, members: ReadonlyArray<Records.Run>) {
  const store = yield* RunStore
  const files = yield* RunFiles
  yield* store.forget(root.id, yield* Clock.currentTimeMillis)
  yield* Effect.sync(() => {
    for (const { id } of members) {
      const directory = files.directory(id)
      // git has removed the worktrees; what is there now came later, and is not ours to remove
      if (namesIn(Path.join(directory, "worktrees")).length > 0) continue
      Fs.rmSync(directory, { recursive: true, force: true })
    }
  })
})

const namesIn = (directory: string): ReadonlyArray<string> => Fs.existsSync(directory) ? Fs.readdirSync(directory) : []

const realOf = (directory: string): string => Fs.existsSync(directory) ? Fs.realpathSync(directory) : directory

/** Bytes of the runs' own files. */
const sizeOf = (members: ReadonlyArray<Records.Run>) =>
  Effect.map(RunFiles, (files) => {
    const bytes = (directory: string): number =>
      namesIn(directory).reduce((sum, name) => {
        const stat = Fs.lstatSync(Path.join(directory, name), { throwIfNoEntry: false })
        if (stat === undefined || name === "worktrees") return sum
        return sum + (stat.isDirectory() ? bytes(Path.join(directory, name)) : stat.size)
      }, 0)
    return members.reduce((sum, { id }) => sum + bytes(files.directory(id)), 0)
  })
