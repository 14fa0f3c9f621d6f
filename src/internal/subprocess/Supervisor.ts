/**
 * Programs under supervision, on Node.
 *
 * - V1. Every program leads a group and session of its own, is guarded by the sentinel before it starts, and has nothing
 *   of our environment.
 * - V2. A program has ended when its leader has. What it left is ended then; what it printed is read to the end, but
 *   nobody waits longer than a second for a pipe that something else keeps open.
 * - V3. Whatever ends a run, its end, a bound, an interruption or a defect of the sink, everything of the program has
 *   ended before the run does.
 *
 * Programs can be supervised on Linux and macOS; on Windows none is started.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { randomUUID } from "node:crypto"
import * as ProcessTree from "./ProcessTree.ts"
import * as Program from "./Program.ts"
import * as Running from "./Running.ts"
import * as Sentinel from "./Sentinel.ts"
import * as Silence from "./Silence.ts"
import * as Streams from "./Streams.ts"
import { Subprocess, SubprocessError } from "./Subprocess.ts"
import type { Command, Ended, Sink } from "./Subprocess.ts"

/**
 * Programs of this process's own, ended with the layer.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Subprocess> = Layer.scoped(
  Subprocess,
  Effect.gen(function*() {
    const mark = randomUUID()
    const outer = process.env[ProcessTree.variable]
    const sentinel = yield* Effect.acquireRelease(
      Effect.sync(() => Sentinel.make({ mark, grace: Duration.toSeconds(defaults.grace) })),
      (sentinel) => Effect.sync(sentinel.close)
    )
    yield* forkBeside(Effect.schedule(Effect.sync(Running.noteAll), Schedule.spaced("1 second")))
    let count = 0
    const name = (): Name => {
      const id = String(++count)
      const own = `${mark}-${id}`
      // marks of programs around us stay, so that they find what is ours as theirs
      return { id, mark: own, value: outer === undefined ? own : `${outer}/${own}` }
    }
    return {
      run: Effect.fn("Supervisor.run")((command, sink) =>
        Effect.acquireUseRelease(
          start(command, name(), sentinel),
          (running) => supervise(running, command, sink),
          (running) => finish(running, command, sentinel)
        ).pipe(Effect.retry({ while: (error) => error.reason === "Busy", schedule: whileBusy }))
      ),
      find: (program, environment) => Effect.sync(() => Program.find(program, environment))
    }
  })
)

/**
 * Ends all programs of this process at once, for when there is no time left to ask them.
 * @category running
 * @since 0.1.0
 */
export const killAll: () => void = Running.killAll

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaults = {
  grace: Duration.seconds(5),
  linger: Duration.seconds(10),
  maxOutputBytes: 1_073_741_824,
  stderrBytes: 65_536
}

/** A file that is being written is executable again within a moment, or not soon. */
const whileBusy = Schedule.spaced("100 millis").pipe(Schedule.upTo("3 seconds"))

interface Name {
  /** Among the programs of the layer. */
  readonly id: string
  readonly mark: string
  /** Of the variable. */
  readonly value: string
}

const start = (
  command: Command,
  { id, mark, value }: Name,
  sentinel: Sentinel.Sentinel
): Effect.Effect<Running.Running, SubprocessError> =>
  Effect.async<Running.Running, SubprocessError>((resume) => {
    const fail = (error: unknown) => {
      sentinel.forget(id)
      resume(error instanceof SubprocessError ? error : Program.fromUnknown(command.program, error))
    }
    try {
      const prepared = Program.prepare(command)
      sentinel.announce(id)
      const child = Program.spawn(prepared, { [ProcessTree.variable]: value })
      // without listeners a program that does not read its input would end this process
      for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter.on("error", () => undefined)
      const { pid } = child
      if (pid === undefined) {
        child.once("error", fail)
        return
      }
      const running = Running.make({ id, mark, name: command.program, child, pid })
      sentinel.started(id, pid, running.tree.known.get(pid))
      resume(Effect.succeed(running))
    } catch (error) {
      fail(error)
    }
  })

// A program may be run where nothing can be interrupted, by a finalizer for one. What waits beside can be all the same,
// or its end would be waited for.

const forkBeside = <A>(effect: Effect.Effect<A>) => Effect.forkScoped(Effect.interruptible(effect))

/** The first end of any, be it a failure. */
const first = <A>(...effects: ReadonlyArray<Effect.Effect<A>>): Effect.Effect<A> =>
  Effect.flatten(Effect.raceAll(effects.map((effect) => Effect.exit(Effect.interruptible(effect)))))

/** What a run knows while it lasts. */
interface Progress {
  readonly output: Streams.Output
  readonly errors: Streams.Tail
  readonly errorsEnded: Deferred.Deferred<void>
  /** Pieces heard on both outputs. */
  heard: number
  bytes: number
  isSinking: boolean
  /** The sink has what it wants. */
  isComplete: boolean
  readonly completed: Deferred.Deferred<void>
  readonly overflowed: Deferred.Deferred<void>
}

const supervise = (running: Running.Running, command: Command, sink: Sink): Effect.Effect<Ended> =>
  Effect.scoped(Effect.gen(function*() {
    const { child } = running
    const errorsEnded = yield* Deferred.make<void>()
    const progress: Progress = {
      output: Streams.output(child.stdout),
      errors: Streams.tail(child.stderr, defaults.stderrBytes, {
        heard: () => progress.heard++,
        ended: () => Deferred.unsafeDone(errorsEnded, Effect.void)
      }),
      errorsEnded,
      heard: 0,
      bytes: 0,
      isSinking: false,
      isComplete: false,
      completed: yield* Deferred.make<void>(),
      overflowed: yield* Deferred.make<void>()
    }
    yield* forkBeside(Streams.feed(child.stdin, command.input))
    const reader = yield* forkBeside(read(progress, sink, command.maxOutputBytes ?? defaults.maxOutputBytes))
    // last, so that it comes first: what is printed is still read while the program is asked to end
    yield* Effect.addFinalizer(() => Running.end(running, command.grace ?? defaults.grace))
    const endedBy = yield* first(decide(running, progress, command), failureOf(reader))
    yield* conclude(running, command, endedBy, (bounds) => drain(progress, reader, bounds))
    const finished = yield* Fiber.poll(reader)
    if (Option.isSome(finished)) yield* finished.value
    const { code, signal } = running.exit() ?? { code: null, signal: "SIGKILL" }
    return { code, signal, endedBy, stderr: progress.errors.text(), outputBytes: progress.bytes }
  }))

const read = (progress: Progress, sink: Sink, maxBytes: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let chunk = yield* progress.output.next; chunk !== undefined; chunk = yield* progress.output.next) {
      const room = Math.max(0, maxBytes - progress.bytes)
      progress.heard++
      progress.bytes += chunk.length
      if (chunk.length > room) yield* Deferred.succeed(progress.overflowed, undefined)
      // what is too much is read all the same, or the program could not hear that it shall end
      if (room === 0) {
        Streams.release(chunk)
        continue
      }
      progress.isSinking = true
      const verdict = yield* sink(chunk.length > room ? chunk.subarray(0, room) : chunk)
      progress.isSinking = false
      Streams.release(chunk)
      if (verdict === "more") continue
      progress.isComplete = true
      yield* Deferred.succeed(progress.completed, undefined)
    }
  })

const failureOf = (reader: Fiber.Fiber<void>): Effect.Effect<never> => Effect.zipRight(Fiber.join(reader), Effect.never)

const decide = (running: Running.Running, progress: Progress, command: Command): Effect.Effect<Ended["endedBy"]> => {
  const { idleTimeout, linger = defaults.linger } = command
  const silence = idleTimeout === undefined ? Effect.never : Silence.longerThan(idleTimeout, {
    count: () => progress.heard,
    isHeld: () => progress.isSinking || progress.isComplete
  })
  return first(
    Effect.as(Deferred.await(running.exited), "itself" as const),
    Effect.as(Deferred.await(progress.overflowed), "output" as const),
    Effect.as(Effect.zipRight(Deferred.await(progress.completed), Effect.sleep(linger)), "linger" as const),
    Effect.as(silence, "silence" as const)
  )
}

/** Ends what is left of a program and takes what it printed last (V2). */
const conclude = Effect.fnUntraced(function*(
  running: Running.Running,
  command: Command,
  endedBy: Ended["endedBy"],
  drain: (bounds: DrainBounds) => Effect.Effect<void>
) {
  const grace = command.grace ?? defaults.grace
  if (endedBy !== "itself") yield* Running.end(running, grace)
  else if (Running.left(running).length > 0) {
    yield* drain(whileOthersRun)
    yield* Running.end(running, Duration.min(grace, Duration.seconds(1)))
  }
  yield* drain(afterAll)
  Running.settle(running)
})

/** Bounds of reading on after the end: turns of `drainTurn` altogether, turns without a byte, bytes. */
interface DrainBounds {
  readonly turns: number
  readonly quietTurns: number
  readonly bytes: number
}

const drainTurn = Duration.millis(10)

const whileOthersRun: DrainBounds = { turns: 100, quietTurns: 100, bytes: Number.POSITIVE_INFINITY }

/** Pipes hold less than this; what comes later is of no process that we know. */
const afterAll: DrainBounds = { turns: 100, quietTurns: 10, bytes: 4_194_304 }

/** Reads on until both outputs end. Time the sink takes is not counted. */
const drain = (progress: Progress, reader: Fiber.Fiber<void>, bounds: DrainBounds): Effect.Effect<void> => {
  const enough = Effect.gen(function*() {
    const upTo = progress.bytes + bounds.bytes
    let heard = progress.heard
    for (let turn = 0, quiet = 0; turn < bounds.turns && quiet < bounds.quietTurns && progress.bytes <= upTo;) {
      yield* Effect.sleep(drainTurn)
      if (progress.isSinking) continue
      turn++
      quiet = progress.heard === heard ? quiet + 1 : 0
      heard = progress.heard
    }
  })
  return first(Effect.zipRight(Fiber.await(reader), Deferred.await(progress.errorsEnded)), enough)
}

const finish = (running: Running.Running, command: Command, sentinel: Sentinel.Sentinel): Effect.Effect<void> =>
  Effect.zipRight(
    Running.end(running, command.grace ?? defaults.grace),
    Effect.sync(() => {
      sentinel.forget(running.id)
      for (const stream of [running.child.stdin, running.child.stdout, running.child.stderr]) stream.destroy()
    })
  )
