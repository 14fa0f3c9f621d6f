/**
 * The workflows `owf new` writes: one for each pattern, short, typed, and of use without a key.
 */
import { fanOut } from "./templates/fanOut.ts"
import { graph } from "./templates/graph.ts"
import { hello } from "./templates/hello.ts"
import { pipeline } from "./templates/pipeline.ts"
import { reviewPanel } from "./templates/reviewPanel.ts"
import { worktreeFixers } from "./templates/worktreeFixers.ts"

/**
 * A workflow to start from.
 * @category models
 * @since 0.1.0
 */
export interface Template {
  readonly name: string
  /** What it shows, in a few words. */
  readonly title: string
  readonly language: "typescript" | "yaml"
  /** The text of a file, for a workflow of this name. */
  readonly text: (name: string) => string
}

/**
 * The workflows there are, the simplest first; the first of a language is its default.
 * @category models
 * @since 0.1.0
 */
export const templates: readonly [Template, ...ReadonlyArray<Template>] = [
  { name: "hello", title: "One call with an argument and a typed answer", language: "typescript", text: hello },
  { name: "fan-out", title: "A call for each item, then a synthesis", language: "typescript", text: fanOut },
  {
    name: "review-panel",
    title: "Reviewers with different eyes, then a judge",
    language: "typescript",
    text: reviewPanel
  },
  { name: "pipeline", title: "Items through stages without a barrier", language: "typescript", text: pipeline },
  {
    name: "worktree-fixers",
    title: "Agents that change one repository, each in a worktree",
    language: "typescript",
    text: worktreeFixers
  },
  { name: "graph", title: "A workflow as a YAML graph", language: "yaml", text: graph }
]

/**
 * Endings a file of a template may have.
 * @category models
 * @since 0.1.0
 */
export const extensions: Readonly<Record<Template["language"], readonly [string, ...ReadonlyArray<string>]>> = {
  typescript: [".ts", ".mts"],
  yaml: [".yaml", ".yml"]
}

/**
 * The template of a name, in any of its spellings; for no name the default of a file's ending.
 * @category converting
 * @since 0.1.0
 */
export const find = (name: string | undefined, extension: string): Template | undefined =>
  name === undefined
    ? templates.find(({ language }) => extensions[language].includes(extension))
    : templates.find((template) => normal(template.name) === (aliases.get(normal(name)) ?? normal(name)))

/**
 * The name of a workflow, from that of its file.
 * @category converting
 * @since 0.1.0
 */
export const nameOf = (file: string): string => {
  const name = file.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "").toLowerCase()
  return name === "" ? "workflow" : name
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const normal = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]+/g, "").replace(/workflow$/, "")

const aliases: ReadonlyMap<string, string> = new Map([
  ["starter", "hello"],
  ["default", "hello"],
  ["yaml", "graph"],
  ["worktrees", "worktreefixers"],
  ["panel", "reviewpanel"]
])
