/**
 * Why a graph's run did not come to its end, beside what its calls and the workflows below it fail with.
 */
import * as Schema from "effect/Schema"
import * as Ids from "../domain/Ids.ts"

/**
 * The run came to a `fail` node: it has ended, and the next run of its name begins anew.
 * @category errors
 * @since 0.1.0
 */
export class FlowFailed extends Schema.TaggedError<FlowFailed>("owf/Flow/FlowFailed")("FlowFailed", {
  workflow: Schema.String,
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * A bound was reached. The run stops and can go on, once the bound is raised.
 * @category errors
 * @since 0.1.0
 */
export class FlowStopped extends Schema.TaggedError<FlowStopped>("owf/Flow/FlowStopped")("FlowStopped", {
  workflow: Schema.String,
  node: Schema.String,
  limit: Schema.Literal("transitions", "wall_clock", "context"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }

  /** The run stops and can go on. */
  readonly isResumable = true
}

/**
 * A node could not do what it says; resumed, the run begins with it.
 * @category errors
 * @since 0.1.0
 */
export class NodeFailed extends Schema.TaggedError<NodeFailed>("owf/Flow/NodeFailed")("NodeFailed", {
  /** Empty where it is not known. */
  node: Schema.String,
  /** `file:line:column` of the node; empty in a program. */
  at: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    // programs that were made of graphs know of no place, and of texts not whose they are
    const place = this.at === "" ? "" : ` (${this.at})`
    return this.node === "" ? this.detail : `Node '${this.node}'${place}: ${this.detail}`
  }
}

/**
 * The workflow of a `workflow` node failed. Where it had ended at a `fail` node, a resumed run begins it anew; else it
 * goes on.
 * @category errors
 * @since 0.1.0
 */
export class ChildFailed extends Schema.TaggedError<ChildFailed>("owf/Flow/ChildFailed")("ChildFailed", {
  node: Schema.String,
  /** `file:line:column` of the node; empty in a program. */
  at: Schema.String,
  /** The name of the workflow that failed. */
  child: Schema.String,
  /** The run of it that failed. */
  runId: Ids.RunId,
  detail: Schema.String,
  /** Whether it says of itself that it stopped and can go on. */
  isResumable: Schema.Boolean,
  /** What it failed with. */
  cause: Schema.Defect
}) {
  override get message(): string {
    return `Node '${this.node}'${this.at === "" ? "" : ` (${this.at})`}: ${this.detail}`
  }
}

/**
 * A resumed run stands where its graph, which was edited since, has no place for it.
 * @category errors
 * @since 0.1.0
 */
export class FlowDiverged extends Schema.TaggedError<FlowDiverged>("owf/Flow/FlowDiverged")("FlowDiverged", {
  workflow: Schema.String,
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * A run cannot go back to the node it was asked to; nothing was changed, and it can go on as it stands.
 * @category errors
 * @since 0.1.0
 */
export class CannotGoBack extends Schema.TaggedError<CannotGoBack>("owf/Flow/CannotGoBack")("CannotGoBack", {
  workflow: Schema.String,
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }

  /** The run stops and can go on. */
  readonly isResumable = true
}
