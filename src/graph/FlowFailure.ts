/**
 * Everything a graph can fail with, so that whoever runs one from a program decides by the tag.
 *
 * - F1. The failures of a graph are known whatever it runs: what a workflow below it fails with that is none of them is a
 *   `ChildFailed`, with the error as its cause.
 */
import * as Schema from "effect/Schema"
import * as AgentError from "../domain/AgentError.ts"
import * as Provider from "../provider/Provider.ts"
import { SettingsError } from "../settings/Settings.ts"
import * as RunStore from "../store/RunStore.ts"
import { WaitedTooLong } from "../workflow/Wait.ts"
import * as WorkflowError from "../workflow/WorkflowError.ts"
import * as FlowRunError from "./FlowRunError.ts"

/**
 * What a graph fails with beside its own `fail` nodes, and what it passes on of a workflow below it.
 * @category schemas
 * @since 0.1.0
 */
export const Passed = Schema.Union(
  FlowRunError.FlowStopped,
  FlowRunError.NodeFailed,
  FlowRunError.ChildFailed,
  FlowRunError.FlowDiverged,
  FlowRunError.CannotGoBack,
  AgentError.ProviderFailed,
  AgentError.SchemaFailed,
  AgentError.CallTimeout,
  AgentError.WorktreeFailed,
  AgentError.WriteScopeViolated,
  AgentError.BudgetExceeded,
  AgentError.InvalidCall,
  WaitedTooLong,
  WorkflowError.BudgetRefused,
  WorkflowError.ArgsInvalid,
  WorkflowError.OutputInvalid,
  WorkflowError.NestingTooDeep,
  WorkflowError.InvalidRun,
  Provider.ProviderUnavailable,
  RunStore.StoreError,
  RunStore.OwnershipLost,
  RunStore.RunNotFound,
  RunStore.RunOwned,
  SettingsError
)

/**
 * What a graph fails with beside its own `fail` nodes, and what it passes on of a workflow below it.
 * @category models
 * @since 0.1.0
 */
export type Passed = typeof Passed.Type

/**
 * Everything a graph can fail with.
 * @category models
 * @since 0.1.0
 */
export type FlowFailure = FlowRunError.FlowFailed | Passed

/**
 * Whether an error of a workflow below a graph is passed on as it is.
 * @category predicates
 * @since 0.1.0
 */
export const isPassed: (error: unknown) => error is Passed = Schema.is(Passed)
