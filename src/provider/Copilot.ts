/**
 * GitHub's `copilot` command line, version 1.0.
 *
 * - G1. Nothing is allowed that the call does not ask for. One that reads nothing (`readScope: []`) has no tools; one that
 *   may only read is refused every change of a file and every command; a mutating one may change files. `permissions`
 *   are patterns of `--allow-tool`; where one names a command, the others are still not allowed. All tools at once never
 *   are, nor is that inherited from the environment.
 * - G2. A schema is asked for in words: the program takes none.
 * - G3. A new session has an id of ours, so that it can be continued although the program is killed.
 *
 * What the program reports is in `CopilotEvents` and `CopilotUsage`.
 */
import * as CliAccess from "./CliAccess.ts"
import type { CliFormat, End, Problem } from "./CliFormat.ts"
import * as CliPrompt from "./CliPrompt.ts"
import * as CliProvider from "./CliProvider.ts"
import * as CopilotEvents from "./CopilotEvents.ts"
import type { Request } from "./Provider.ts"

/**
 * The provider's name.
 * @category models
 * @since 0.1.0
 */
export const name = "copilot"

/**
 * A provider that asks `copilot`.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: CliProvider.ProgramOptions) => CliProvider.ofProgram(name, format, options)

/**
 * How the program is used.
 * @category models
 * @since 0.1.0
 */
export const format: CliFormat = {
  program: "copilot",
  install: "install it with `npm install -g @github/copilot` and log in with `copilot login`",
  capabilities: { ...CliProvider.agent, cost: "reported" },
  variables: (isSet) => (name) => {
    if (name === "GH_TOKEN") return !isSet("COPILOT_GITHUB_TOKEN")
    if (name === "GITHUB_TOKEN") return !isSet("COPILOT_GITHUB_TOKEN") && !isSet("GH_TOKEN")
    return own.test(name)
  },
  environment: { NO_COLOR: "1" },
  takesNul: true,
  pricedAs: "copilot",
  pricedModel: (model) => model,
  overhead: (request) => CliAccess.readsNothing(request) ? 4_096 : 16_384,
  invocation: (request, sessionId) =>
    CliAccess.unlessRefused(request, (permission) => writing.test(permission), () => ({
      args: (directory) => argsOf(request, sessionId, directory),
      input: CliPrompt.make(request),
      reports: [CopilotEvents.usageFile]
    })),
  events: ({ session }, sessionId) => CopilotEvents.make(session, sessionId),
  failure: (end) => failure(end)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Not `COPILOT_ALLOW_ALL` (G1), and nothing that marks a process as the program's own child. */
const own =
  /^(?:COPILOT_(?:HOME|MODEL|OFFLINE|AUTO_TIER|GITHUB_TOKEN|GH_HOST|CUSTOM_INSTRUCTIONS_DIRS|PROVIDER_[A-Z_]+)|GH_HOST|GH_CONFIG_DIR)$/

/** Also any command at all. */
const writing = /^(?:write\b|shell(?:\((?:\s|:|\*)*\))?$)/

const argsOf = (request: Request, sessionId: string, directory: string): ReadonlyArray<string> => {
  const { agentType, cwd, model, session } = request
  return [
    "--output-format=json",
    "--no-ask-user",
    "--no-auto-update",
    session === undefined ? `--session-id=${sessionId}` : `--resume=${session.id}`,
    `--usage-output-file=${directory}/${CopilotEvents.usageFile}`,
    ...(cwd?.startsWith("/") === true ? ["-C", cwd] : []),
    ...(model === CliProvider.defaultModel ? [] : [`--model=${model}`]),
    ...(agentType === undefined ? [] : [`--agent=${agentType}`]),
    ...permissionsOf(request)
  ]
}

/** A refusal is stronger than any permission, so it is left out where the call asks for some command. */
const permissionsOf = (request: Request): ReadonlyArray<string> => {
  const { mutates, permissions = [] } = request
  const namesCommand = permissions.some((permission) => /^shell\b/.test(permission))
  return [
    // a name that no tool has
    ...(CliAccess.readsNothing(request)
      ? ["--available-tools=none", "--no-custom-instructions", "--disable-builtin-mcps"]
      : []),
    mutates ? "--allow-tool=write" : "--deny-tool=write",
    ...(mutates || namesCommand ? [] : ["--deny-tool=shell"]),
    ...permissions.map((permission) => `--allow-tool=${permission}`)
  ]
}

/** What the program says of a start that came to nothing; it has no codes for these. */
const failure = ({ stderr }: End): Problem | undefined => {
  if (/^Error: No session, task, or name matched/m.test(stderr)) {
    return { reason: "Unavailable", detail: "the session to be continued is gone", isSessionLost: true }
  }
  const said = /^Error: (No authentication information found|Classic Personal Access Tokens[^\n]*)/m.exec(stderr)?.[1]
  if (said === undefined) return undefined
  return {
    reason: "Authentication",
    detail: `${said}; log in with \`copilot login\` or set $COPILOT_GITHUB_TOKEN to a fine-grained token`
  }
}
