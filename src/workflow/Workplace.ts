/**
 * Step 5 of a call: where its agent works, and what it left there.
 *
 * - P1. An isolated call has a worktree or is not made.
 * - P2. What a call changed is collected after its last request, however that ended, and stored with the call. A call
 *   whose changes cannot be told is not done.
 * - P3. A change that the write scope does not allow fails the call; its answer and what it changed are kept.
 * - P4. What is stored of a worktree is true afterwards: one that holds nothing of its own is removed and not named.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as AgentError from "../domain/AgentError.ts"
import type { Change } from "../domain/Change.ts"
import type { Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import * as sha256 from "../internal/sha256.ts"
import type { CallEvidence } from "../store/RunStore.ts"
import type { Base, Evidence, Touched, Tree, WorktreeError } from "../worktree/Worktree.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as Checkout from "./Checkout.ts"
import * as WriteScope from "./WriteScope.ts"

/**
 * Where an agent works.
 * @category models
 * @since 0.1.0
 */
export interface Workplace {
  /** Undefined for the user's checkout. */
  readonly cwd: string | undefined
  /** What the call left; to be asked once, after its last request. */
  readonly collect: Effect.Effect<Findings>
}

/**
 * What a call left where it worked.
 * @category models
 * @since 0.1.0
 */
export interface Findings {
  /** Undefined where there is nothing to keep. */
  readonly evidence: CallEvidence | undefined
  readonly changedFiles: ReadonlyArray<Change>
  /** Why the call cannot be done, whatever it answered. */
  readonly problem: Problem | undefined
}

/**
 * Why a call cannot be done, and what it fails with.
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly status: FailureStatus
  readonly kind: string
  readonly error: string
  readonly toError: (result: Failed) => AgentError.AgentError
}

/**
 * Whether it matters where a call works: it may change files, or its agent has hands that could.
 * @category predicates
 * @since 0.1.0
 */
export const isNeeded = <A>({ described: { mutating, provider } }: Identified<A>): boolean =>
  mutating || provider.capabilities.readsFiles

/**
 * The place a call works in, until the scope closes.
 * @category constructors
 * @since 0.1.0
 */
export const open = <A>(
  env: CallEnv,
  call: Identified<A>
): Effect.Effect<Workplace, WorktreeError, Scope.Scope> =>
  call.described.isolation === "worktree" ? isolated(env, call) : inPlace(env, call)

/**
 * A digest of what is under a write scope now; null where that cannot be told.
 * @category running
 * @since 0.1.0
 */
export const digest = (env: CallEnv, writeScope: ReadonlyArray<string>): Effect.Effect<string | null> =>
  Effect.match(env.fingerprint.files(writeScope), {
    onFailure: () => null,
    // with the scope in it, equal digests are of equal scopes
    onSuccess: (files) => sha256.hex(`${WriteScope.make(writeScope).key}\n${files}`)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isolated = <A>(
  env: CallEnv,
  call: Identified<A>
): Effect.Effect<Workplace, WorktreeError, Scope.Scope> => {
  const { options } = call.described
  const wanted = {
    run: env.run.id,
    call: call.identity.callId,
    attempt: (call.place.recorded?.attempts ?? 0) + 1,
    base: baseOf(options.worktreeBase)
  }
  const scope = options.writeScope === undefined ? WriteScope.everything : WriteScope.make(options.writeScope)
  const former = call.place.recorded?.evidence?.worktreePath ?? null
  return Effect.map(env.worktree.acquire(wanted), (tree) => ({
    cwd: tree.path,
    collect: Effect.map(
      Effect.either(
        Effect.flatMap(
          env.worktree.collect(tree),
          (evidence) => Effect.map(env.worktree.touched(tree, evidence.changes), (touched) => ({ evidence, touched }))
        )
      ),
      (collected) => {
        if (Either.isLeft(collected)) return lost(tree, collected.left)
        const { evidence, touched } = collected.right
        const outside = touched.filter((one) => !Checkout.isAllowed(scope, one))
        return findingsOf(evidence, evidence.changes, outside, {
          warnings: former === null || former === tree.root ? [] : [`the worktree of an earlier try is kept: ${former}`]
        })
      }
    )
  }))
}

const baseOf = (base: string | undefined): Base => {
  switch (base) {
    case undefined:
    case "HEAD":
      return { _tag: "Head" }
    case "dirty":
      return { _tag: "Dirty" }
    default:
      return { _tag: "Revision", name: base }
  }
}

const inPlace = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Workplace, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { mutating, options: { writeScope = [] } } = call.described
    const working = yield* Checkout.enter(env.worktree, mutating ? WriteScope.make(writeScope) : WriteScope.nothing)
    const snapshot = yield* Effect.either(env.worktree.snapshot)
    // where nothing looks after the checkout, nothing is known of it either
    const isKnown = mutating && !(Either.isLeft(snapshot) && snapshot.left.reason === "Unavailable")
    const scopeBefore = isKnown ? yield* digest(env, writeScope) : null
    const compared: Effect.Effect<Findings> = Either.isLeft(snapshot)
      ? Effect.sync(() => unchecked(env, snapshot.left))
      : Effect.match(
        Effect.flatMap(
          snapshot.right.changes,
          (evidence) =>
            Effect.map(env.worktree.touched(null, evidence.changes), (touched) => compare(evidence, touched, working))
        ),
        { onFailure: (error) => untold(error), onSuccess: (findings) => findings }
      )
    const collect = isKnown
      ? Effect.zipWith(compared, digest(env, writeScope), (findings, scopeAfter) => ({
        ...findings,
        evidence: { ...findings.evidence ?? noEvidence, scopeBefore, scopeAfter }
      }))
      : Effect.map(compared, withoutNothing)
    return { cwd: undefined, collect }
  })

/** What changed in the checkout while a call was at work in it, without what others were allowed to change. */
const compare = (evidence: Evidence, touched: ReadonlyArray<Touched>, working: Checkout.Working): Findings => {
  const outside = touched.filter(working.isBlamed)
  const own = touched.filter((one) => working.isOwn(one) || working.isBlamed(one)).map(({ change }) => change)
  // that others are at work is no news for every one of many calls that changed nothing
  const isQuiet = own.length === 0 && working.isShared()
  return findingsOf({ ...evidence, warnings: isQuiet ? [] : evidence.warnings }, own, outside, { warnings: [] })
}

const findingsOf = (
  evidence: Evidence,
  changedFiles: ReadonlyArray<Change>,
  outside: ReadonlyArray<Touched>,
  { warnings }: { readonly warnings: ReadonlyArray<string> }
): Findings => ({
  evidence: {
    worktreePath: evidence.path,
    worktreeBranch: evidence.branch,
    baseCommit: evidence.baseCommit,
    headCommit: evidence.headCommit,
    changedFilesJson: JSON.stringify(changedFiles),
    patch: evidence.patch === "" || changedFiles.length === 0 ? null : evidence.patch,
    isPatchCut: evidence.isPatchCut,
    scopeBefore: null,
    scopeAfter: null,
    warnings: [
      ...evidence.warnings,
      ...(evidence.isPatchCut ? ["the patch is too large to be kept whole"] : []),
      ...warnings
    ]
  },
  changedFiles,
  problem: outside.length === 0 ? undefined : violated(outside)
})

const maxNamed = 10

const violated = (outside: ReadonlyArray<Touched>): Problem => {
  const paths = outside.map(({ change, names }) => {
    const target = names.at(-1)
    // a link that is where it may be, and leads where it may not
    return names.length > 1 && change.from === null && target !== undefined
      ? `${change.path} -> ${target}`
      : change.path
  })
  const more = paths.length > maxNamed ? ` and ${paths.length - maxNamed} more` : ""
  return {
    status: "failed",
    kind: "WriteScopeViolated",
    error: `the call changed what its write scope does not allow: ${paths.slice(0, maxNamed).join(", ")}${more}`,
    toError: (result) =>
      new AgentError.WriteScopeViolated({ outside: outside.map(({ change }) => change.path), result })
  }
}

const noEvidence: CallEvidence = {
  worktreePath: null,
  worktreeBranch: null,
  baseCommit: null,
  headCommit: null,
  changedFilesJson: null,
  patch: null,
  isPatchCut: false,
  scopeBefore: null,
  scopeAfter: null,
  warnings: []
}

const failedWith = (detail: string): Problem => ({
  status: "worktree_failed",
  kind: "WorktreeFailed",
  error: detail,
  toError: (result) => new AgentError.WorktreeFailed({ result })
})

/** A tree of which nobody can say what is in it any more (P2). */
const lost = (tree: Tree, { detail, reason }: WorktreeError): Findings => ({
  evidence: {
    ...noEvidence,
    worktreePath: reason === "Lost" ? null : tree.root,
    worktreeBranch: tree.branch,
    baseCommit: tree.baseCommit
  },
  changedFiles: [],
  problem: failedWith(`what the call left cannot be told: ${detail}`)
})

const untold = ({ detail }: WorktreeError): Findings => ({
  evidence: noEvidence,
  changedFiles: [],
  problem: failedWith(`what the call changed cannot be told: ${detail}`)
})

/** Without a repository there is nothing to compare with, which is said once in a run. */
const unchecked = ({ told }: CallEnv, { detail }: WorktreeError): Findings => {
  const warning = `what calls change is not checked: ${detail}`
  const isNew = !told.has(warning)
  told.add(warning)
  return {
    evidence: isNew ? { ...noEvidence, warnings: [warning] } : undefined,
    changedFiles: [],
    problem: undefined
  }
}

/** A call that was only to read and changed nothing leaves no evidence, unless there is something to say. */
const withoutNothing = (findings: Findings): Findings =>
  findings.problem === undefined && findings.changedFiles.length === 0
    ? {
      ...findings,
      evidence: findings.evidence === undefined || findings.evidence.warnings.length === 0
        ? undefined
        : { ...noEvidence, warnings: findings.evidence.warnings }
    }
    : findings
