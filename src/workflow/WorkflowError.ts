/**
 * Why a run could not start, go on or give its output, beside what its own body fails with.
 */
import * as Schema from "effect/Schema"
import type { ProviderUnavailable } from "../provider/Provider.ts"
import type { OwnershipLost, RunNotFound, RunOwned, StoreError } from "../store/RunStore.ts"

/**
 * The arguments do not fit the workflow's schema; `issues` lists every fault with its path.
 * @category errors
 * @since 0.1.0
 */
export class ArgsInvalid extends Schema.TaggedError<ArgsInvalid>("owf/WorkflowError/ArgsInvalid")("ArgsInvalid", {
  workflow: Schema.String,
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}) {
  override get message(): string {
    return `The arguments do not fit workflow ${this.workflow}: ` +
      this.issues.map(({ message, path }) => `${path}: ${message}`).join("; ")
  }
}

/**
 * What the body returned does not fit the workflow's output schema, or, where there is none, holds what JSON cannot say.
 * @category errors
 * @since 0.1.0
 */
export class OutputInvalid
  extends Schema.TaggedError<OutputInvalid>("owf/WorkflowError/OutputInvalid")("OutputInvalid", {
    workflow: Schema.String,
    reason: Schema.optionalWith(Schema.Literal("Misfit", "NotJson"), { default: () => "Misfit" }),
    issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
  })
{
  override get message(): string {
    const what = this.reason === "Misfit" ? "does not fit its schema" : "is not JSON"
    return `The output of workflow ${this.workflow} ${what}: ` +
      this.issues.map(({ message, path }) => `${path}: ${message}`).join("; ")
  }
}

/**
 * Workflows call each other more deeply than allowed.
 * @category errors
 * @since 0.1.0
 */
export class NestingTooDeep
  extends Schema.TaggedError<NestingTooDeep>("owf/WorkflowError/NestingTooDeep")("NestingTooDeep", {
    workflow: Schema.String,
    limit: Schema.Int
  })
{
  override get message(): string {
    return `Workflow ${this.workflow} was called ${this.limit + 1} levels deep; the limit is ${this.limit}. ` +
      "Raise `maxDepth` if the recursion is wanted."
  }
}

/**
 * A run was asked for with settings that cannot work; nothing was started.
 * @category errors
 * @since 0.1.0
 */
export class InvalidRun extends Schema.TaggedError<InvalidRun>("owf/WorkflowError/InvalidRun")("InvalidRun", {
  setting: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * An amount could not be kept back, because the budget does not have it any more.
 * @category errors
 * @since 0.1.0
 */
export class BudgetRefused
  extends Schema.TaggedError<BudgetRefused>("owf/WorkflowError/BudgetRefused")("BudgetRefused", {
    unit: Schema.Literal("tokens", "usd"),
    total: Schema.Number,
    spent: Schema.Number,
    requested: Schema.Number
  })
{
  override get message(): string {
    const unit = this.unit === "tokens" ? "tokens" : "dollars"
    return `The budget of ${this.total} ${unit} has ${this.spent} spent; ${this.requested} more cannot be reserved.`
  }
}

/**
 * Why a run could not start, go on or give its output.
 * @category errors
 * @since 0.1.0
 */
export type WorkflowError =
  | ArgsInvalid
  | OutputInvalid
  | NestingTooDeep
  | InvalidRun
  | ProviderUnavailable
  | StoreError
  | OwnershipLost
  | RunNotFound
  | RunOwned
