/**
 * Names for the moments a run can be cut off at, so that a test can cut it off at each of them.
 *
 * Every durable step says when it begins and when it is done. Outside tests nothing listens and a step costs one call
 * of an empty function.
 */
import * as Context from "effect/Context"

/**
 * A durable step, in the order a run takes them.
 * @category models
 * @since 0.1.0
 */
export type Step =
  | "run.create"
  | "run.acquire"
  | "call.begin"
  | "call.ask"
  | "call.retry"
  | "call.settle"
  | "call.record"
  | "run.event"
  | "run.finish"
  | "files.call"
  | "files.run"
  | BatchStep

/**
 * A durable step of a batch, in the order it takes them.
 * @category models
 * @since 0.1.0
 */
export type BatchStep =
  | "batch.store"
  | "batch.upload"
  | "batch.intend"
  | "batch.send"
  | "batch.sent"
  | "batch.end"
  | "batch.settle"
  | "batch.finish"

/**
 * All steps of a run, for a test that goes through them.
 * @category models
 * @since 0.1.0
 */
export const steps: ReadonlyArray<Step> = [
  "run.create",
  "run.acquire",
  "call.begin",
  "call.ask",
  "call.retry",
  "call.settle",
  "call.record",
  "run.event",
  "run.finish",
  "files.call",
  "files.run"
]

/**
 * All steps of a batch. All but `batch.send`, which is the request itself, are writes.
 * @category models
 * @since 0.1.0
 */
export const batchSteps: ReadonlyArray<BatchStep> = [
  "batch.store",
  "batch.upload",
  "batch.intend",
  "batch.send",
  "batch.sent",
  "batch.end",
  "batch.settle",
  "batch.finish"
]

/**
 * Called at the beginning and at the end of a step; what it throws is a defect of the run.
 * @category services
 * @since 0.1.0
 */
export class FailPoint extends Context.Reference<FailPoint>()("owf/FailPoint", {
  defaultValue: () => ({ hit: (_step: Step, _moment: "before" | "after"): void => {} })
}) {}
