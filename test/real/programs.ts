/**
 * The agents' real command lines, installed from npm into a folder of their own, once per version.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "../lib/node.ts"

/** What is installed. */
export const versions = {
  "@anthropic-ai/claude-code": "2.1.329",
  "@openai/codex": "0.169.0",
  "@github/copilot": "1.0.102"
} as const

const folder = Path.join(root, "node_modules/.cache/owf-test-cli")

/** Folder of the programs' commands, for a `PATH`. */
export const bin = Path.join(folder, "node_modules/.bin")

/** Installs what is missing; the tests are skipped with the reason where that cannot be done. */
export const install = (): string | undefined => {
  const wanted = JSON.stringify({ private: true, dependencies: versions }, null, 2)
  const manifest = Path.join(folder, "package.json")
  const done = Path.join(folder, ".done")
  if (Fs.existsSync(done) && Fs.existsSync(manifest) && Fs.readFileSync(manifest, "utf8") === wanted) return undefined
  Fs.rmSync(folder, { recursive: true, force: true })
  Fs.mkdirSync(folder, { recursive: true })
  Fs.writeFileSync(manifest, wanted)
  try {
    const npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    execFileSync("npm", npm, { cwd: folder, stdio: "pipe", timeout: 300_000 })
    // what its install script would do: put the program of this platform in the place of a stub
    const claude = Path.join(folder, "node_modules/@anthropic-ai/claude-code")
    execFileSync(process.execPath, [Path.join(claude, "install.cjs")], { cwd: claude, stdio: "pipe", timeout: 60_000 })
  } catch (error) {
    return `the programs cannot be installed: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`
  }
  Fs.writeFileSync(done, "")
  return undefined
}
