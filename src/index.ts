/**
 * Open Agent Workflows: durable workflows of agent calls, as Effect programs.
 *
 * The verbs are what a workflow's body is written with; the namespaces are what an application composes.
 */
export { agent, withFallback } from "./workflow/Agent.ts"
export { parallel, pipeline } from "./workflow/Parallel.ts"
export { Run } from "./workflow/Run.ts"
export { budget, log, phase, step } from "./workflow/Verbs.ts"
export { workflow } from "./workflow/Workflow.ts"

export * as AgentError from "./domain/AgentError.ts"
export * as AgentResult from "./domain/AgentResult.ts"
export * as Usage from "./domain/Usage.ts"
export * as Owf from "./node/Owf.ts"
export * as OwfTest from "./node/OwfTest.ts"
export * as Provider from "./provider/Provider.ts"
export * as Scripted from "./provider/Scripted.ts"
export * as Recovery from "./recovery/Recovery.ts"
export * as RunStore from "./store/RunStore.ts"
export * as Engine from "./workflow/Engine.ts"
export * as Wait from "./workflow/Wait.ts"
export * as Workflow from "./workflow/Workflow.ts"
export * as WorkflowError from "./workflow/WorkflowError.ts"
