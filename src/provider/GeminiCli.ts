/**
 * Google's `gemini` command line, version 0.61.
 *
 * - G1. Without a terminal, the approval mode `default` offers no tool that changes files or runs commands, which is
 *   stricter than the mode `plan` and leaves the model its own words. A mutating call runs in `auto_edit`, which has the
 *   tools for files and none for commands. What `permissions` name is allowed beside that; all at once never is.
 * - G2. A schema is asked for in words: the program takes none.
 *
 * The program puts the text of a file in place of an `@` and its path in a prompt, where that file exists in the working
 * directory; there is no way to write such a thing that it leaves alone.
 */
import * as CliAccess from "./CliAccess.ts"
import type { CliFormat } from "./CliFormat.ts"
import * as CliPrompt from "./CliPrompt.ts"
import * as CliProvider from "./CliProvider.ts"
import * as GeminiCliEvents from "./GeminiCliEvents.ts"
import type { Request } from "./Provider.ts"

/**
 * The provider's name.
 * @category models
 * @since 0.1.0
 */
export const name = "gemini-cli"

/**
 * A provider that asks `gemini`.
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
  program: "gemini",
  install: "install it with `npm install -g @google/gemini-cli` and log in by starting `gemini` once",
  capabilities: { ...CliProvider.agent, cost: "priced" },
  variables: () => (name) => /^(?:GEMINI_(?:API_KEY|MODEL|CLI_HOME)|GOOGLE_[A-Z_]+)$/.test(name),
  environment: { NO_COLOR: "1" },
  takesNul: true,
  pricedAs: "google",
  pricedModel: (model) => model,
  overhead: () => 12_288,
  invocation: (request) =>
    CliAccess.unlessRefused(request, (permission) => writing.test(permission), () => ({
      args: () => argsOf(request),
      input: CliPrompt.make(request)
    })),
  events: () => GeminiCliEvents.make(),
  failure: (end) => GeminiCliEvents.failure(end)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const writing = /^(?:write_file|replace)\b|^run_shell_command$/

const argsOf = ({ model, mutates, permissions = [], session }: Request): ReadonlyArray<string> => [
  "--output-format=stream-json",
  "--skip-trust",
  `--approval-mode=${mutates ? "auto_edit" : "default"}`,
  ...(model === CliProvider.defaultModel ? [] : [`--model=${model}`]),
  ...(session === undefined ? [] : [`--resume=${session.id}`]),
  ...permissions.map((permission) => `--allowed-tools=${permission}`)
]
