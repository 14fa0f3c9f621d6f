/**
 * How a run of this process is shown while it works: on stderr for people, and on stdout, event by event, for programs.
 */
import * as Effect from "effect/Effect"
import type * as BudgetPort from "../budget/Budget.ts"
import type { Loading, Showing } from "../cli/Host.ts"
import type { Budget } from "../cli/live/Layout.ts"
import * as Live from "../cli/live/Live.ts"
import type { Signal } from "../cli/live/Signal.ts"
import type * as Output from "../cli/Output.ts"
import * as Progress from "../cli/Progress.ts"
import * as RunView from "../cli/RunView.ts"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import { RunStore } from "../store/RunStore.ts"

/**
 * What shows a run.
 * @category models
 * @since 0.1.0
 */
export interface Shown {
  /** Begins to show, once there is a run. */
  readonly begin: (budget: BudgetPort.Budget) => void
  readonly signal: (signal: Signal) => void
  /** Prints the run's events while an effect runs, all of them by the time it has ended. */
  readonly printing: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | RunStore>
  /** Removes what is only for while the run works. */
  readonly close: () => void
  /** What the run came to, as text; undefined where every line of it was printed. */
  readonly summary: (flags: string) => Effect.Effect<string | undefined>
  /** How many calls were made and failed, also where none was shown. */
  readonly counts: () => Live.Counts
}

/**
 * Shows a run as a command was asked to.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  request: Loading & Partial<Showing>,
  output: Output.Output["Type"],
  tell: (text: string) => void
): Shown => {
  const { events = false, json, noColor = false, quiet = false } = request
  const isShown = !quiet && !json
  // events and a region on one terminal would be in each other's way
  const screen = isShown && !noColor && !(events && process.stdout.isTTY) ? output.screen : undefined
  const feed = events ? new Feed(output.print) : undefined
  let live: Live.Live | undefined
  return {
    begin: (budget) => {
      live = Live.make({
        screen,
        line: isShown ? tell : () => {},
        budget: standingOf(budget),
        flags: RunView.homeFlag(request.home)
      })
    },
    signal: (signal) => {
      feed?.signal(signal)
      live?.signal(signal)
    },
    printing: (effect) => feed === undefined ? effect : Effect.flatMap(RunStore, (store) => feed.during(store, effect)),
    close: () => live?.close(),
    summary: (flags) => Effect.map(Effect.clock, (clock) => live?.summary(clock.unsafeCurrentTimeMillis(), flags)),
    counts: () => live?.counts() ?? { calls: 0, failed: 0 }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What is spent is looked up for each frame, where there is anything to hold it against. */
const standingOf = (budget: BudgetPort.Budget): () => Budget | undefined => {
  const look = () => Progress.standingOf(Effect.runSync(budget.standing))
  const { costUsd, tokens } = look()
  return tokens === null && costUsd === null ? () => undefined : look
}

/**
 * Prints events after they are durable: what is printed was read back from the store. It is asked only after something
 * happened, and once more when all is over.
 */
class Feed {
  private readonly runs = new Map<RunId, { readonly attempt: number; cursor: number; isOver: boolean }>()
  private readonly print: Output.Output["Type"]["print"]
  private isNew = false

  constructor(print: Output.Output["Type"]["print"]) {
    this.print = print
  }

  signal(signal: Signal): void {
    this.isNew = true
    if (signal._tag === "RunBegan") this.runs.set(signal.runId, { attempt: signal.attempt, cursor: 0, isOver: false })
    if (signal._tag !== "RunEnded") return
    const run = this.runs.get(signal.runId)
    if (run !== undefined) run.isOver = true
  }

  during<A, E, R>(store: RunStore["Type"], effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    // an error of the store ends the run, which says so
    const drained = Effect.uninterruptible(Effect.ignore(this.drain(store)))
    const looking = Effect.forever(
      Effect.zipRight(Effect.sleep(pause), Effect.suspend(() => this.isNew ? drained : Effect.void))
    )
    return Effect.ensuring(Effect.scoped(Effect.zipRight(Effect.forkScoped(looking), effect)), drained)
  }

  private drain(store: RunStore["Type"]) {
    return Effect.gen(this, function*() {
      this.isNew = false
      for (const [id, run] of this.runs) {
        const { isOver } = run
        for (let isMore = true; isMore;) {
          const page = yield* store.events(id, { after: run.cursor, limit: pageSize })
          run.cursor = page.at(-1)?.id ?? run.cursor
          isMore = page.length === pageSize
          const lines = page.filter(({ runAttempt }) => runAttempt === run.attempt).map(encode)
          if (lines.length > 0) yield* this.print(lines.join("\n"))
        }
        // what ended before it was read has nothing more to tell
        if (isOver) this.runs.delete(id)
      }
    })
  }
}

const pause = "100 millis"
const pageSize = 1_000

/** By hand: the store has just decoded what a schema would look at again, for each of a large run's events. */
const encode = ({ callId, dataJson, id, message, runAttempt, runId, timestamp, type }: Records.Event): string => {
  const row: typeof Records.Event.Encoded = {
    id,
    run_id: runId,
    call_id: callId,
    run_attempt: runAttempt,
    type,
    message,
    data_json: dataJson,
    timestamp
  }
  return JSON.stringify(row)
}
