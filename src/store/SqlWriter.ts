/**
 * The one fiber that writes, and how the writes of many fibers share a commit.
 *
 * - W1. A write resumes its fiber after the COMMIT that holds it returned, and only then.
 * - W2. Writes are applied in the order they were queued in; what cannot be applied fails alone. The rows of a group
 *   are merged into few statements; when one of those is refused, the group is done again write by write, each in a
 *   savepoint.
 * - W3. A write that carries an ownership is applied only if the lease still has its token, looked up in the same
 *   transaction.
 * - W4. A write that was queued is not taken back: interrupting its fiber waits for the outcome.
 * - W5. A lone write waits for nothing but the turn it was queued in; between groups timers and signals have their turn.
 * - W6. After the disk failed to keep what it was told to, or the file was found damaged, nothing is written any more.
 *
 * The queue holds one entry for each waiting fiber and is encoded when its group is made, so its memory is bounded by
 * the fibers. Time is real time even under a test clock: commits do not wait for a test to go on.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { FailPoint, Step } from "./FailPoint.ts"
import type { Ownership, StoreError, WriteError } from "./RunStore.ts"
import { OwnershipLost } from "./RunStore.ts"
import * as SqlBusy from "./SqlBusy.ts"
import * as SqlFailure from "./SqlFailure.ts"
import { Batch } from "./SqlTemplates.ts"
import type { Template, Value } from "./SqlTemplates.ts"

/**
 * The writing side of a database.
 * @category models
 * @since 0.1.0
 */
export interface SqlWriter {
  /** Writes rows; `encode` may be called more than once. */
  readonly rows: (
    step: Step | null,
    ownership: Ownership | null,
    encode: (batch: Batch) => void
  ) => Effect.Effect<void, WriteError>
  /** Runs an effect inside the transaction, in a savepoint of its own; it may be run more than once. */
  readonly custom: <A, E>(
    step: Step | null,
    ownership: Ownership | null,
    run: (connection: Writing) => Effect.Effect<A, E | StoreError>
  ) => Effect.Effect<A, E | WriteError>
}

/**
 * The connection inside a transaction.
 * @category models
 * @since 0.1.0
 */
export interface Writing {
  readonly path: string
  /** Executes a statement and returns its rows. */
  readonly all: (
    statement: string,
    parameters: ReadonlyArray<Value>
  ) => Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>, StoreError>
  /** Executes a statement and returns how many rows it changed. */
  readonly run: (statement: string, parameters: ReadonlyArray<Value>) => Effect.Effect<number, StoreError>
}

/**
 * Starts the writer on a connection nothing else uses. When the scope closes, what is queued is written first.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly path: string
  readonly connection: SqlConnection.Connection
  readonly failPoint: FailPoint["Type"]
  /** How long to wait for another process's lock. */
  readonly patience?: number | undefined
}): Effect.Effect<SqlWriter, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = new Queue(options.path)
    const group = makeGroup(options)
    const loop = queue.next.pipe(
      Effect.flatMap((units) =>
        queue.broken === undefined ? group(units) : Effect.succeed(failAll(units, Exit.fail(queue.broken)))
      ),
      Effect.map((failure) => {
        if (failure !== undefined && SqlFailure.isFinal(failure)) queue.broken = failure
      }),
      Effect.forever,
      Effect.withClock(realClock)
    )
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(loop))
    yield* Effect.addFinalizer(() => Effect.zipRight(queue.close, Fiber.interrupt(fiber)))
    return {
      rows: (step, ownership, encode) =>
        Effect.async<void, WriteError>((resume) => {
          queue.add(new RowUnit(step, ownership, encode, resume))
        }).pipe(Effect.uninterruptible),
      custom: <A, E>(
        step: Step | null,
        ownership: Ownership | null,
        run: (connection: Writing) => Effect.Effect<A, E | StoreError>
      ) =>
        Effect.async<A, E | WriteError>((resume) => {
          queue.add(customUnit(step, ownership, run, resume))
        }).pipe(Effect.uninterruptible)
    }
  })

/**
 * Writes on nobody's behalf, which no lease of a run can refuse.
 * @category running
 * @since 0.1.0
 */
export const unowned = (writer: SqlWriter) =>
<A, E>(
  step: Step | null,
  run: (connection: Writing) => Effect.Effect<A, E | StoreError>
): Effect.Effect<A, E | StoreError> =>
  Effect.catchAll(
    writer.custom<A, E>(step, null, run),
    (error) => error instanceof OwnershipLost ? Effect.die(error) : Effect.fail(error)
  )

// -----------------------------------------------------------------------------
// units
// -----------------------------------------------------------------------------

/** A queued write. `refused` holds why it cannot be applied; `end` resumes its fiber. */
interface Unit {
  readonly step: Step | null
  readonly ownership: Ownership | null
  refused: Exit.Exit<never, WriteError> | undefined
  readonly end: () => void
}

class RowUnit implements Unit {
  readonly _tag = "Rows"
  refused: Exit.Exit<never, WriteError> | undefined = undefined
  readonly step: Step | null
  readonly ownership: Ownership | null
  readonly encode: (batch: Batch) => void
  readonly resume: (exit: Effect.Effect<void, WriteError>) => void
  constructor(
    step: Step | null,
    ownership: Ownership | null,
    encode: (batch: Batch) => void,
    resume: (exit: Effect.Effect<void, WriteError>) => void
  ) {
    this.step = step
    this.ownership = ownership
    this.encode = encode
    this.resume = resume
  }
  end(): void {
    this.resume(this.refused ?? Exit.void)
  }
}

class CustomUnit implements Unit {
  readonly _tag = "Custom"
  refused: Exit.Exit<never, WriteError> | undefined = undefined
  readonly step: Step | null
  readonly ownership: Ownership | null
  /** Runs the body and says whether it succeeded, or fails with what concerns the whole group. */
  readonly run: (connection: Writing) => Effect.Effect<boolean, StoreError>
  private readonly resume: (refused: Exit.Exit<never, WriteError> | undefined) => void
  constructor(
    step: Step | null,
    ownership: Ownership | null,
    run: (connection: Writing) => Effect.Effect<boolean, StoreError>,
    resume: (refused: Exit.Exit<never, WriteError> | undefined) => void
  ) {
    this.step = step
    this.ownership = ownership
    this.run = run
    this.resume = resume
  }
  end(): void {
    this.resume(this.refused)
  }
}

/** The result goes to its own fiber only: it stays in here, and the queue need not know what it is. */
const customUnit = <A, E>(
  step: Step | null,
  ownership: Ownership | null,
  body: (connection: Writing) => Effect.Effect<A, E | StoreError>,
  resume: (exit: Effect.Effect<A, E | WriteError>) => void
): CustomUnit => {
  let result: Exit.Exit<A, E | StoreError> = Exit.die("not run")
  return new CustomUnit(
    step,
    ownership,
    (connection) =>
      Effect.flatMap(Effect.exit(body(connection)), (exit) => {
        result = exit
        if (Exit.isSuccess(exit)) return Effect.succeed(true)
        const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
        return isStoreError(error) && !SqlFailure.isOfOneRow(error) ? Effect.fail(error) : Effect.succeed(false)
      }),
    (refused) => resume(refused ?? result)
  )
}

type AnyUnit = RowUnit | CustomUnit

const isStoreError = (error: unknown): error is StoreError => Predicate.isTagged(error, "StoreError")

const failAll = (units: ReadonlyArray<AnyUnit>, why: Exit.Exit<never, WriteError>): StoreError | undefined => {
  for (const unit of units) {
    unit.refused = why
    unit.end()
  }
  return undefined
}

// -----------------------------------------------------------------------------
// queue
// -----------------------------------------------------------------------------

class Queue {
  broken: StoreError | undefined = undefined
  private units: Array<AnyUnit> = []
  private wake: (() => void) | undefined = undefined
  private closed = false
  private readonly path: string
  constructor(path: string) {
    this.path = path
  }

  add(unit: AnyUnit): void {
    if (this.closed) {
      unit.refused = Exit.fail(SqlFailure.make("Io", this.path, "the store was closed"))
      return unit.end()
    }
    this.units.push(unit)
    if (this.wake !== undefined) {
      const wake = this.wake
      this.wake = undefined
      // the turn ends first, so that the writes of fibers that run in it join the group
      setImmediate(wake)
    }
  }

  /** Units of the next group, once there are any; never in the turn of the group before (W5). */
  readonly next = Effect.async<ReadonlyArray<AnyUnit>>((resume) => {
    const take = () => {
      const units = this.units.length <= largestGroup ? this.units : this.units.slice(0, largestGroup)
      this.units = this.units.length <= largestGroup ? [] : this.units.slice(largestGroup)
      resume(Effect.succeed(units))
    }
    if (this.units.length > 0) setImmediate(take)
    else this.wake = take
  })

  /** Waits for what is queued and refuses more. */
  readonly close: Effect.Effect<void> = Effect.ignore(
    Effect.async<void, WriteError>((resume) => {
      this.add(new RowUnit(null, null, () => {}, resume))
      this.closed = true
    })
  )
}

const largestGroup = 256

// -----------------------------------------------------------------------------
// groups
// -----------------------------------------------------------------------------

const realClock = Clock.make()

/** Writes a group and ends its units; returns the error when none of them could be written. */
const makeGroup = (options: {
  readonly path: string
  readonly connection: SqlConnection.Connection
  readonly failPoint: FailPoint["Type"]
  readonly patience?: number | undefined
}) => {
  const { failPoint, path } = options
  const connection = makeWriting(path, options.connection)
  const applyMerged = mergedBy(connection)

  const begin = SqlBusy.retry(Effect.asVoid(connection.run("BEGIN IMMEDIATE", [])), connection.path, options.patience)

  const transact = Effect.fnUntraced(function*(units: ReadonlyArray<AnyUnit>) {
    yield* begin
    yield* checkOwnership(connection, units)
    const merged = yield* Effect.exit(applyMerged(units))
    if (Exit.isFailure(merged)) {
      if (isOfAll(merged.cause)) return yield* merged
      yield* connection.run("ROLLBACK", [])
      yield* begin
      yield* checkOwnership(connection, units)
      for (const unit of units) {
        if (unit.refused === undefined) yield* applyAlone(connection, unit)
      }
    }
    yield* connection.run("COMMIT", [])
  })

  return (units: ReadonlyArray<AnyUnit>): Effect.Effect<StoreError | undefined> =>
    Effect.suspend(() => {
      hit(failPoint, units, "before")
      return Effect.matchCauseEffect(Effect.uninterruptible(transact(units)), {
        onSuccess: () => {
          hit(failPoint, units, "after")
          for (const unit of units) unit.end()
          return Effect.succeed(undefined)
        },
        onFailure: (cause) =>
          // SQLite has rolled back already after some failures, and says so by failing
          Effect.map(Effect.ignore(connection.run("ROLLBACK", [])), () => {
            for (const unit of units) {
              unit.refused ??= Exit.failCause(cause)
              unit.end()
            }
            return Option.getOrUndefined(Cause.failureOption(cause))
          })
      })
    })
}

const isOfAll = (cause: Cause.Cause<StoreError>): boolean => {
  const error = Cause.failureOption(cause)
  return error._tag === "Some" && !SqlFailure.isOfOneRow(error.value)
}

// what a fail point throws is a defect of the unit, not of the writer; nothing but tests throws here
const hit = (failPoint: FailPoint["Type"], units: ReadonlyArray<AnyUnit>, moment: "before" | "after"): void => {
  for (const unit of units) {
    if (unit.step === null || unit.refused !== undefined) continue
    try {
      failPoint.hit(unit.step, moment)
    } catch (defect) {
      unit.refused = Exit.die(defect)
    }
  }
}

const checkOwnership = (connection: Writing, units: ReadonlyArray<AnyUnit>): Effect.Effect<void, StoreError> =>
  Effect.suspend(() => {
    const tokens = new Map<string, string | undefined>()
    for (const { ownership } of units) if (ownership !== null) tokens.set(ownership.rootRunId, undefined)
    return Effect.map(
      Effect.forEach(
        tokens.keys(),
        (id) =>
          Effect.map(connection.all("SELECT token FROM leases WHERE root_run_id = ?", [id]), (rows) => {
            const token = rows[0]?.["token"]
            tokens.set(id, typeof token === "string" ? token : undefined)
          }),
        { discard: true }
      ),
      () => {
        for (const unit of units) {
          const { ownership } = unit
          if (ownership === null || tokens.get(ownership.rootRunId) === ownership.token) continue
          unit.refused ??= Exit.fail(new OwnershipLost({ runId: ownership.rootRunId }))
        }
      }
    )
  })

/** Applies units in their order, the rows of neighbours together. */
const mergedBy = (connection: Writing) =>
  Effect.fnUntraced(function*(units: ReadonlyArray<AnyUnit>) {
    let batch = new Batch()
    for (const unit of units) {
      if (unit.refused !== undefined) continue
      if (unit._tag === "Rows") unit.encode(batch)
      else {
        yield* execute(connection, batch)
        batch = new Batch()
        yield* inSavepoint(connection, unit.run(connection))
      }
    }
    yield* execute(connection, batch)
  })

const applyAlone = (connection: Writing, unit: AnyUnit): Effect.Effect<void, StoreError> =>
  Effect.asVoid(inSavepoint(connection, unit._tag === "Custom" ? unit.run(connection) : encodeAlone(connection, unit)))

const encodeAlone = (connection: Writing, unit: RowUnit): Effect.Effect<boolean, StoreError> =>
  Effect.matchCauseEffect(
    Effect.suspend(() => {
      const batch = new Batch()
      unit.encode(batch)
      return execute(connection, batch)
    }),
    {
      onSuccess: () => Effect.succeed(true),
      onFailure: (cause) => {
        if (isOfAll(cause)) return Effect.failCause(cause)
        unit.refused = Exit.failCause(cause)
        return Effect.succeed(false)
      }
    }
  )

const inSavepoint = (
  connection: Writing,
  body: Effect.Effect<boolean, StoreError>
): Effect.Effect<boolean, StoreError> =>
  Effect.gen(function*() {
    yield* connection.run("SAVEPOINT unit", [])
    const kept = yield* body
    if (!kept) yield* connection.run("ROLLBACK TO unit", [])
    yield* connection.run("RELEASE unit", [])
    return kept
  })

const execute = Effect.fnUntraced(function*(connection: Writing, batch: Batch) {
  for (const [template, values] of batch.entries()) {
    const rows = values.length / template.width
    let done = 0
    for (const size of template.sizes) {
      for (; rows - done >= size; done += size) yield* executeRows(connection, template, values, done, size)
    }
  }
})

const executeRows = (
  connection: Writing,
  template: Template,
  values: ReadonlyArray<Value>,
  from: number,
  rows: number
): Effect.Effect<void, StoreError> => {
  const { width } = template
  const slice = rows * width === values.length ? values : values.slice(from * width, (from + rows) * width)
  return Effect.flatMap(connection.run(template.text(rows), slice), (changes) =>
    template.exact && changes !== rows
      ? Effect.fail(
        SqlFailure.make("Invalid", connection.path, `${rows - changes} of ${rows} rows to change are not there`)
      )
      : Effect.void)
}

const makeWriting = (path: string, connection: SqlConnection.Connection): Writing => {
  const refail = Effect.mapError((error: unknown) => SqlFailure.fromUnknown(path, error))
  return {
    path,
    all: (statement, parameters) => refail(connection.execute(statement, parameters, undefined)),
    run: (statement, parameters) =>
      refail(
        Effect.map(connection.executeRaw(statement, parameters), (result) =>
          Predicate.hasProperty(result, "changes") && typeof result.changes === "number" ? result.changes : 0)
      )
  }
}
