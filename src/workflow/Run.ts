/**
 * The run a program is part of: what the verbs need of it.
 *
 * Only a workflow's body has one. That is why `agent` and the other verbs require it: outside a workflow they do not
 * type-check.
 */
import * as Context from "effect/Context"
import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as Budget from "../budget/Budget.ts"
import type { AgentError } from "../domain/AgentError.ts"
import type { Degraded, Done } from "../domain/AgentResult.ts"
import type { Input } from "../domain/AnswerSchema.ts"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { Journal, Ownership, WriteError } from "../store/RunStore.ts"
import type { Observer } from "./Observer.ts"
import type { CallOptions } from "./Options.ts"
import type { Policy } from "./RecoveryPolicy.ts"
import type { Steps } from "./Steps.ts"

/**
 * A child run that was made by an earlier attempt of this run.
 * @category models
 * @since 0.1.0
 */
export interface ChildPlace {
  readonly ordinal: number
  readonly recorded: RunId | undefined
}

/**
 * What a child run takes over from its parent.
 * @category models
 * @since 0.1.0
 */
export interface Inheritance {
  readonly ownership: Ownership
  readonly journal: Journal
  /** Fails when the store cannot be written any more, which ends the whole tree of runs. */
  readonly broken: Deferred.Deferred<never, WriteError>
  readonly place: (childKey: string) => ChildPlace
  /** Notes that a value stood in for an answer, in the run and those above it. */
  readonly degraded: () => void
  /** How calls go on after a failure where they do not say so themselves. */
  readonly recover: Policy | undefined
  /** Whether completed calls that may change files are made again. */
  readonly rerunMutating: boolean
}

/**
 * The run a program is part of.
 * @category services
 * @since 0.1.0
 */
export class Run extends Context.Tag("owf/Run")<Run, {
  readonly id: RunId
  /** Counts up each time the run is resumed, from 1. */
  readonly attempt: number
  /** Absolute path of the run's directory. */
  readonly directory: string
  /** Makes a call: the steps are in `Agent`. */
  readonly call: <A>(
    prompt: string,
    options: CallOptions<unknown> & { readonly schema?: Input<A> | undefined }
  ) => Effect.Effect<Done<A | string>, AgentError>
  /** Records something that is not a call. */
  readonly event: (type: string, message: string, data: unknown) => Effect.Effect<void>
  /** Gives every event of a type that earlier attempts of this run recorded, oldest first. */
  readonly history: (type: string, each: (event: Records.Event) => void) => Effect.Effect<void>
  /** Values the run keeps that are no calls. */
  readonly steps: Steps
  /** Questions to people. */
  readonly approvals: {
    readonly ask: (name: string, question: string | null) => Effect.Effect<void>
    /** Says that a question is not waited for any more; false when it was answered before. */
    readonly expire: (name: string) => Effect.Effect<boolean>
    /** Undefined while nobody has answered. */
    readonly answer: (
      name: string
    ) => Effect.Effect<{ readonly approved: boolean; readonly message: string | null } | undefined>
  }
  /** When the run was first started; epoch milliseconds. */
  readonly createdAt: number
  /** Whether declared values must not stand in for answers. */
  readonly strict: boolean
  /** Records that a declared value stands in for the answer of a call. */
  readonly degrade: (result: Degraded<unknown>) => Effect.Effect<void>
  readonly budget: Budget.Budget
  /** Told what the run does while it works; undefined when nobody watches. */
  readonly observer?: Observer | undefined
  readonly inheritance: Inheritance
}>() {}
