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
 * A call to compare with; what stands for its prompt may be a digest, the same one in all calls that are compared.
 * @category models
 * @since 0.1.0
 */
export type Asked = Pick<
  Call,
  | "id"
  | "callKey"
  | "cacheKey"
  | "ordinal"
  | "label"
  | "position"
  | "prompt"
  | "optsJson"
  | "status"
  | "cachePolicy"
>

/**
 * A call whose answer can be explained.
 * @category models
 * @since 0.1.0
 */
export type Answered = Asked & Pick<Call, "cacheStatus" | "sourceCallId" | "errorKind" | "isolation">

/**
 * Why a call was answered the way it was.
 * @category models
 * @since 0.1.0
 */
export interface Explanation<out A extends Answered = Answered> {
  readonly call: A
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
export const explain = <A extends Answered>(
  calls: ReadonlyArray<A>,
  earlier: ReadonlyArray<Asked>
): ReadonlyArray<Explanation<A>> => explainer(earlier)(calls)

/**
 * Explains the calls of several runs of a workflow, one run after the other: each is an earlier one to those that follow.
 * @category constructors
 * @since 0.1.0
 */
export const explainer = (
  earlier: ReadonlyArray<Asked>
): <A extends Answered>(calls: ReadonlyArray<A>) => ReadonlyArray<Explanation<A>> => {
  const known = new Known()
  for (const call of earlier.toReversed()) known.addEarlier(call)
  return (calls) => {
    const explained = calls.map((call) => {
      const explanation = one(call, known)
      known.add(call)
      return { ...explanation, call }
    })
    for (const call of calls) known.addEarlier(call)
    return explained
  }
}

/**
 * What of two calls' keys differs: parts of the options, `prompt`, and `files` for what the agent could read.
 * @category converting
 * @since 0.1.0
 */
export const differences = (a: Asked, b: Asked): ReadonlyArray<string> => {
  if (a.cacheKey === b.cacheKey) return []
  const ours = partsOf(a)
  const theirs = partsOf(b)
  const names = a.optsJson === b.optsJson ? [] : [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].toSorted()
  const parts = names.filter((name) => JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]))
  const prompt = a.prompt === b.prompt ? [] : ["prompt"]
  const files = a.callKey === b.callKey && a.cacheKey !== b.cacheKey ? ["files"] : []
  const found = [...prompt, ...parts, ...files]
  // of options that were cut to be compared, what was cut off is the end of the system prompt
  return found.length === 0 && "system" in ours ? ["system"] : found
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Earlier calls by what makes them near; of equally near ones the newest, because it was added last. */
class Known {
  private readonly by = new Map<string, Asked>()
  private last: Asked | undefined

  /** A call of the run itself is near only when it asked the same thing: its neighbours are other work. */
  add(call: Asked): void {
    this.by.set(`key ${call.callKey}`, call)
    this.by.set(`prompt ${call.prompt}`, call)
  }

  addEarlier(call: Asked): void {
    this.add(call)
    if (call.label !== null) this.by.set(`label ${call.label}`, call)
    this.by.set(`position ${call.position}`, call)
    this.last = call
  }

  nearest(call: Asked): Asked | undefined {
    return this.by.get(`key ${call.callKey}`) ?? this.by.get(`prompt ${call.prompt}`) ??
      (call.label === null ? undefined : this.by.get(`label ${call.label}`)) ??
      this.by.get(`position ${call.position}`) ?? this.last
  }
}

const plain = (call: Answered, reason: string): Explanation => ({ call, reason, differs: [], nearest: null })

const one = (call: Answered, known: Known): Explanation =>
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

const whyBypassed = (call: Answered): string => {
  if (call.errorKind === "InvalidCall") return "the call was refused before the cache was asked"
  const { writeScope } = partsOf(call)
  return call.isolation === "worktree" || (Array.isArray(writeScope) && writeScope.length > 0)
    ? "the call may change files, so its answer is not shared between runs"
    : "what the agent could read could not be determined, so its answer is not shared between runs"
}

const miss = (call: Answered, known: Known): Explanation => {
  if (call.cachePolicy === "refresh") {
    return plain(call, "the cache policy `refresh` asks again and stores the new answer")
  }
  const nearest = known.nearest(call)
  if (nearest === undefined) return plain(call, "no earlier call to compare with")
  const differs = differences(call, nearest)
  return { call, reason: whyMissed(call, nearest, differs), differs, nearest: nearest.id }
}

const whyMissed = (call: Answered, nearest: Asked, differs: ReadonlyArray<string>): string => {
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

const Parts = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const partsOf = (call: Asked): Readonly<Record<string, unknown>> =>
  Option.getOrElse(Schema.decodeOption(Parts)(call.optsJson), () => ({}))

const list = (names: ReadonlyArray<string>): string =>
  names.length === 1 ? `${names[0]}` : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
