/**
 * Programs while they run: what is known of each, and how each is brought to its end.
 *
 * - R1. Ending asks first: SIGTERM to everything of the program, once; what is left after the grace gets SIGKILL until
 *   nothing is left. What is stopped is continued, or it could not hear the question.
 * - R2. Ending never waits for a pipe, and not for ever for a process that the system cannot end.
 * - R3. All programs of this process can be ended at once, without waiting for anything.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import * as ProcessTree from "./ProcessTree.ts"

/**
 * A program that was started.
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly id: string
  readonly name: string
  readonly child: ChildProcessWithoutNullStreams
  readonly tree: ProcessTree.Tree
  /** Done when the leader has ended. */
  readonly exited: Deferred.Deferred<void>
  /** How the leader ended; undefined before. */
  readonly exit: () => { readonly code: number | null; readonly signal: string | null } | undefined
}

/**
 * Watches over a child that was started a moment ago.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly id: string
  readonly mark: string
  readonly name: string
  readonly child: ChildProcessWithoutNullStreams
  readonly pid: number
}): Running => {
  const { child, id, mark, name, pid } = options
  const exited = Deferred.unsafeMake<void>(FiberId.none)
  let exit: ReturnType<Running["exit"]>
  child.once("exit", (code, signal) => {
    exit = { code, signal }
    Deferred.unsafeDone(exited, Effect.void)
  })
  const tree = ProcessTree.make(pid, mark, () => exit !== undefined)
  const running: Running = { id, name, child, tree, exited, exit: () => exit }
  alive.add(running)
  return running
}

/**
 * What is left of a program; nothing once all of it has ended.
 * @category running
 * @since 0.1.0
 */
export const left = (running: Running): ReadonlyArray<ProcessTree.Entry> =>
  alive.has(running) ? ProcessTree.members(running.tree, ProcessTree.table()) : []

/**
 * Ends what is left of a program (R1, R2); nothing happens when nothing is.
 * @category running
 * @since 0.1.0
 */
export const end = Effect.fnUntraced(function*(running: Running, grace: Duration.Duration) {
  const found = left(running)
  if (found.length > 0) {
    ProcessTree.signal(running.tree, found, "SIGTERM")
    ProcessTree.signal(running.tree, found.filter((entry) => entry.stopped), "SIGCONT")
    if (!(yield* gone(running, grace))) yield* kill(running)
  }
  settle(running)
})

/**
 * Nothing is left of a program, as far as it can be ended: it is not looked at again.
 * @category running
 * @since 0.1.0
 */
export const settle = (running: Running): void => void alive.delete(running)

/**
 * Ends everything of all programs at once (R3).
 * @category running
 * @since 0.1.0
 */
export const killAll = (): void => {
  if (alive.size === 0) return
  const table = ProcessTree.table()
  for (const { tree } of alive) ProcessTree.signal(tree, ProcessTree.members(tree, table), "SIGKILL")
}

/**
 * Notes the descendants of all programs, which could not be found later when their parents have ended.
 * @category running
 * @since 0.1.0
 */
export const noteAll = (): void => {
  if (alive.size === 0) return
  const table = ProcessTree.table()
  for (const { tree } of alive) ProcessTree.note(tree, table)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** All programs of this process: a signal that ends it comes to no layer in particular. */
const alive = new Set<Running>()

/** How long ended processes may take to be gone; longer only in the hands of a broken device or file system. */
const patience = Duration.seconds(5)

/**
 * Repeats something until it says that nothing is left, at most for the given time.
 *
 * Nothing here is a race or a timeout: programs are ended where nothing can be interrupted, and a race that cannot
 * interrupt its losers waits for them.
 */
const repeatUntilGone = (limit: Duration.Duration, look: () => boolean): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    let pause = 1
    for (let waited = 0; waited < Duration.toMillis(limit); waited += pause) {
      if (look()) return true
      pause = Math.min(pause * 2, 50)
      yield* Effect.sleep(pause)
    }
    return look()
  })

const gone = (running: Running, limit: Duration.Duration): Effect.Effect<boolean> =>
  // as long as the leader lives there is no need to look at the rest
  repeatUntilGone(limit, () => running.exit() !== undefined && left(running).length === 0)

const kill = (running: Running): Effect.Effect<void> => {
  const isGone = repeatUntilGone(patience, () => {
    const found = left(running)
    ProcessTree.signal(running.tree, found, "SIGKILL")
    return found.length === 0 && running.exit() !== undefined
  })
  const warn = Effect.logWarning(`${running.name} has processes that cannot be ended`)
  return Effect.asVoid(Effect.unlessEffect(warn, isGone))
}
