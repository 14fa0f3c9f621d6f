/**
 * Why each call of a run was answered the way it was: for a miss, which part of its key differs from the nearest earlier
 * call. It is read off the stored calls, so that it can be asked about any run at any time.
 */
import * as Match from "effect/Match"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallId } from "../domain/Ids.ts"
import type { Call } from "../domain/Records.ts"

/**
 * Why a call was answered the way it was.
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly call: Call
  readonly reason: string
  /** Parts of the key that differ from the nearest earlier call; `files` is what the agent could read. */
  readonly differs: ReadonlyArray<string>
  /** The call a hit was answered from, or the one a miss was compared with. */
  readonly nearest: CallId | null
}

/**
 * Explains the calls of a run, given calls of earlier runs of the same workflow, the newest first.
 * @category converting
 * @since 0.1.0
 */
export const explain = (calls: ReadonlyArray<Call>, earlier: ReadonlyArray<Call>): ReadonlyArray<Explanation> => {
  const known = new Known()
  for (const call of earlier.toReversed()) known.addEarlier(call)
  return calls.map((call) => {
    const explanation = one(call, known)
    known.add(call)
    return explanation
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Earlier calls by what makes them near; of equally near ones the newest, because it was added last. */
class Known {
  private readonly by = new Map<string, Call>()
  private last: Call | undefined

  /** A call of the run itself is near only when it asked the same thing: its neighbours are other work. */
  add(call: Call): void {
    this.by.set(`key ${call.callKey}`, call)
    this.by.set(`prompt ${call.prompt}`, call)
  }

  addEarlier(call: Call): void {
    this.add(call)
    if (call.label !== null) this.by.set(`label ${call.label}`, call)
    this.by.set(`position ${call.position}`, call)
    this.last = call
  }

  nearest(call: Call): Call | undefined {
    return this.by.get(`key ${call.callKey}`) ?? this.by.get(`prompt ${call.prompt}`) ??
      (call.label === null ? undefined : this.by.get(`label ${call.label}`)) ??
      this.by.get(`position ${call.position}`) ?? this.last
  }
}

const plain = (call: Call, reason: string): Explanation => ({ call, reason, differs: [], nearest: null })

const one = (call: Call, known: Known): Explanation =>
  Match.value(call.cacheStatus).pipe(
    Match.when("replayed", () => plain(call, "answered from this run's own journal")),
    Match.when("hit", () => ({
      ...plain(call, `answered from ${call.sourceCallId ?? "another run"}, which asked the same thing`),
      nearest: call.sourceCallId
    })),
    Match.when("disabled", () => plain(call, "the cache policy `disabled` neither reads nor writes the cache")),
    Match.when("bypassed", () => plain(call, whyBypassed(call))),
    Match.when("miss", () => miss(call, known)),
    Match.exhaustive
  )

const whyBypassed = (call: Call): string => {
  if (call.errorKind === "InvalidCall") return "the call was refused before the cache was asked"
  const { writeScope } = partsOf(call)
  return call.isolation === "worktree" || (Array.isArray(writeScope) && writeScope.length > 0)
    ? "the call may change files, so its answer is not shared between runs"
    : "what the agent could read could not be determined, so its answer is not shared between runs"
}

const miss = (call: Call, known: Known): Explanation => {
  if (call.cachePolicy === "refresh") {
    return plain(call, "the cache policy `refresh` asks again and stores the new answer")
  }
  const nearest = known.nearest(call)
  if (nearest === undefined) return plain(call, "no earlier call to compare with")
  const differs = differences(call, nearest)
  return { call, reason: whyMissed(call, nearest, differs), differs, nearest: nearest.id }
}

const whyMissed = (call: Call, nearest: Call, differs: ReadonlyArray<string>): string => {
  if (differs.length > 0) return `${list(differs)} ${differs.length === 1 ? "differs" : "differ"} from ${nearest.id}`
  if (nearest.ordinal !== call.ordinal) {
    return `equal call number ${call.ordinal + 1} of this run; an answer is shared by calls of the same number only`
  }
  if (nearest.status !== "done") {
    return `${nearest.id} asked the same thing and is ${nearest.status}, so it left no answer`
  }
  return nearest.cachePolicy === "auto" || nearest.cachePolicy === "refresh"
    ? `${nearest.id} asked the same thing, but its answer was not there yet or did not read as valid`
    : `${nearest.id} asked the same thing under the cache policy \`${nearest.cachePolicy}\`, which stores nothing`
}

const differences = (a: Call, b: Call): ReadonlyArray<string> => {
  const ours = partsOf(a)
  const theirs = partsOf(b)
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].toSorted()
  const parts = names.filter((name) => JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]))
  const prompt = a.prompt === b.prompt ? [] : ["prompt"]
  const files = a.callKey === b.callKey && a.cacheKey !== b.cacheKey ? ["files"] : []
  return [...prompt, ...parts, ...files]
}

const Parts = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const partsOf = (call: Call): Readonly<Record<string, unknown>> =>
  Option.getOrElse(Schema.decodeOption(Parts)(call.optsJson), () => ({}))

const list = (names: ReadonlyArray<string>): string =>
  names.length === 1 ? `${names[0]}` : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
