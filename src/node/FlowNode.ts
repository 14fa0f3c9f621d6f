/**
 * Graphs of YAML files as workflows, on Node; loaded when the first one is asked for.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as WorkflowFile from "../cli/WorkflowFile.ts"
import type { Flow } from "../graph/Flow.ts"
import * as FlowError from "../graph/FlowError.ts"
import * as FlowFile from "../graph/FlowFile.ts"
import * as FlowProgram from "../graph/FlowProgram.ts"
import * as Workflow from "../workflow/Workflow.ts"
import * as Loader from "./Loader.ts"

/**
 * Loads a graph and makes a workflow of it.
 * @category running
 * @since 0.1.0
 */
export const load = (file: string) =>
  Effect.map(Effect.provide(FlowFile.check(file), services), ({ flow, warnings }) => ({
    workflow: toWorkflow(flow),
    path: flow.file,
    sha256: flow.digest,
    flow,
    warnings: warnings.map(FlowError.render)
  }))

/**
 * A graph as a workflow that reaches files and other workflows on Node.
 * @category converting
 * @since 0.1.0
 */
export const toWorkflow = (flow: Flow, options: Pick<FlowProgram.Options, "from"> = {}) =>
  FlowProgram.toWorkflow(flow, {
    ...options,
    load: (path) => loadAny(path),
    exists: (path) => Effect.sync(() => Fs.existsSync(path))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const services = Layer.merge(NodeFileSystem.layer, NodePath.layer)

const loadAny = (path: string): Effect.Effect<Workflow.Any, { readonly message: string }> => {
  if (WorkflowFile.isFlowFile(path)) {
    return Effect.map(load(path), ({ workflow }) => workflow)
  }
  Loader.register()
  return Effect.map(
    Effect.provide(WorkflowFile.load(path, Workflow.isWorkflow), services),
    ({ workflow }) => workflow
  )
}
