/**
 * Real git repositories in directories of their own.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith } from "./node.ts"

const environment = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A Person",
  GIT_AUTHOR_EMAIL: "person@example.org",
  GIT_COMMITTER_NAME: "A Person",
  GIT_COMMITTER_EMAIL: "person@example.org"
}

/** Runs git as a person or an agent would, and gives what it printed. */
export const git = (cwd: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()

/** The same with something to read on its input. */
export const gitWith = (cwd: string, input: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd, env: environment, encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] }).trim()

/** A repository of its own at a commit of another. */
export const cloneOf = (repository: string, commit: string): string => {
  const directory = directoryWith({})
  git(directory, "clone", "--quiet", "--no-checkout", repository, ".")
  git(directory, "checkout", "--quiet", "--detach", commit)
  return directory
}

/** A repository with one commit that holds the given files. */
export const repositoryWith = (files: Readonly<Record<string, string>>): string => {
  const directory = directoryWith(files)
  git(directory, "init", "--quiet", "--initial-branch=main")
  git(directory, "add", "--all")
  git(directory, "commit", "--quiet", "--allow-empty", "--message=begin")
  return directory
}

/** Every file below a directory with its content and mode, links by what they name; worktrees and logs left out. */
export const contentOf = (
  directory: string,
  leaveOut: (path: string) => boolean = () => false
): Record<string, string> => {
  const found: Record<string, string> = {}
  const walk = (path: string): void => {
    for (const entry of Fs.readdirSync(Path.join(directory, path), { withFileTypes: true })) {
      const own = Path.join(path, entry.name)
      if (leaveOut(own)) continue
      const full = Path.join(directory, own)
      if (entry.isDirectory()) walk(own)
      else if (entry.isSymbolicLink()) found[own] = `-> ${Fs.readlinkSync(full)}`
      else found[own] = `${Fs.statSync(full).mode.toString(8)} ${Fs.readFileSync(full, "latin1")}`
    }
  }
  walk("")
  return found
}
