/**
 * What is wrong with a workflow file, found out without running it: whether it loads, what it declares, its types.
 *
 * - V1. The file is imported, so its top level runs; nothing of the workflow's body does.
 * - V2. Types are checked where the file's project has TypeScript; where it has not, the rest is checked all the same.
 */
import * as Effect from "effect/Effect"
import { ExitCode } from "../cli/ExitCode.ts"
import type { ValidateRequest } from "../cli/Host.ts"
import * as Render from "../cli/Render.ts"
import { WorkflowFileError } from "../cli/WorkflowFile.ts"
import * as WorkflowView from "../cli/WorkflowView.ts"
import { FlowErrors } from "../graph/FlowError.ts"
import * as Commands from "../report/Commands.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { Loaded } from "./CliRunFile.ts"
import { load } from "./CliRunFile.ts"
import * as Session from "./CliRunSession.ts"
import * as TypeCheck from "./TypeCheck.ts"
import type * as TypeCheckRules from "./TypeCheckRules.ts"

/**
 * A workflow file that was looked at.
 * @category models
 * @since 0.1.0
 */
export interface Validated {
  readonly loaded: Loaded
  readonly types: TypeCheckRules.Checked
}

/**
 * Loads a workflow file and checks its types, unless they are left unchecked.
 * @category running
 * @since 0.1.0
 */
export const examine = (file: string, options: { readonly noTypes: boolean }) =>
  Effect.gen(function*() {
    const loaded = yield* load(file)
    const types = loaded.isFlow
      ? unchecked(declared)
      : options.noTypes
      ? unchecked("--no-types")
      : /\.m?ts$/.test(loaded.path)
      ? yield* TypeCheck.check(loaded.path)
      : unchecked("the file is not TypeScript")
    return { loaded, types } satisfies Validated
  })

/**
 * Whether nothing is wrong with the file.
 * @category predicates
 * @since 0.1.0
 */
export const isValid = ({ types }: Validated): boolean => types._tag === "Unchecked" || types.diagnostics.length === 0

/**
 * What was found, as JSON.
 * @category converting
 * @since 0.1.0
 */
export const toJson = (validated: Validated): Readonly<Record<string, unknown>> => {
  const { loaded, types } = validated
  return {
    ...WorkflowView.toJson(loaded, Workflow.definitionOf(loaded.workflow)),
    valid: isValid(validated),
    types: types._tag === "Checked"
      ? { checked: true, typescript: types.version, reason: null }
      : { checked: false, typescript: null, reason: types.reason },
    diagnostics: types._tag === "Checked" ? types.diagnostics.map((one) => ({ severity: "error", ...one })) : [],
    warnings: [...loaded.warnings, ...(types._tag === "Checked" ? types.notes : [])]
  }
}

/**
 * What was found, as lines for people.
 * @category converting
 * @since 0.1.0
 */
export const toText = (validated: Validated): string => {
  const { loaded, types } = validated
  return [
    WorkflowView.render(loaded, Workflow.definitionOf(loaded.workflow)),
    ...typesText(types),
    `valid: ${isValid(validated) ? "yes" : "no"}`
  ].join("\n")
}

/**
 * Why a file is no workflow, as JSON, each thing with its place where one is known.
 * @category converting
 * @since 0.1.0
 */
export const failureToJson = (error: FlowErrors | WorkflowFileError): Readonly<Record<string, unknown>> => ({
  status: "error",
  error: Render.toJson(Render.ofFailure(error)),
  script_path: error._tag === "FlowErrors" ? error.file : error.path,
  valid: false,
  diagnostics: error._tag === "FlowErrors" ? problemsOf(error) : placesOf(error)
})

/**
 * Shows what a workflow file declares and what is wrong with it, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const validate = (request: ValidateRequest): Promise<number> =>
  Session.watch(request, (session) =>
    Effect.gen(function*() {
      const validated = yield* examine(request.file, request)
      if (!request.json) { for (const warning of validated.loaded.warnings) session.tell(warning) }
      yield* session.print(request.json ? JSON.stringify(toJson(validated), null, 2) : toText(validated))
      if (!isValid(validated)) return ExitCode.usage
      if (!request.json) session.tell(`look at it with: owf dry-run ${Commands.quoted(request.file)}`)
      return ExitCode.done
    }).pipe(
      Effect.catchIf(
        (error): error is FlowErrors | WorkflowFileError =>
          request.json && (error instanceof FlowErrors || error instanceof WorkflowFileError),
        (error) => Effect.as(session.print(JSON.stringify(failureToJson(error), null, 2)), ExitCode.usage)
      )
    ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const declared = "a graph declares its own types, which were checked"

const problemsOf = ({ problems }: FlowErrors) =>
  problems.map(({ column, detail, file, line, severity, suggestion }) => ({
    severity,
    file,
    line,
    column,
    code: null,
    message: suggestion === null ? detail : `${detail}. ${suggestion}`
  }))

/** The parser and a stack trace both write a place as `file:line:column`. */
const placesOf = ({ detail }: WorkflowFileError) => {
  const [, file, line, column] = /[[( ](?:file:\/\/)?((?:\/|[A-Z]:)[^\n]*?):(\d+):(\d+)[\])]/.exec(detail) ?? []
  return file === undefined
    ? []
    : [{ severity: "error", file, line: Number(line), column: Number(column), code: null, message: detail }]
}

const unchecked = (reason: string): TypeCheckRules.Checked => ({ _tag: "Unchecked", reason })

const typesText = (types: TypeCheckRules.Checked): ReadonlyArray<string> => {
  if (types._tag === "Unchecked") {
    return [types.reason === declared ? `types: ${declared}` : `types: not checked, ${types.reason}`]
  }
  const { diagnostics, notes, version } = types
  const found = diagnostics.length === 0
    ? "no errors"
    : `${diagnostics.length} error${diagnostics.length === 1 ? "" : "s"}`
  return [
    `types: ${found}, by typescript ${version}`,
    ...diagnostics.map(({ code, column, file, line, message }) =>
      `${file}:${line}:${column}: ${code}: ${message.replaceAll("\n", "\n  ")}`
    ),
    ...notes
  ]
}
