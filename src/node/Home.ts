/**
 * Where the runs are kept: one rule for every command and for applications.
 *
 * The home that is asked for, else `OWF_HOME`, else the nearest `.workflows` upwards from the working directory, else
 * `.workflows` in it. The result is absolute, so that nothing stored depends on where a command was started.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/**
 * The home's absolute path.
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (asked: string | undefined, fromEnvironment: string | undefined, cwd: string): string => {
  const named = [asked, fromEnvironment].find((path) => path !== undefined && path !== "")
  if (named !== undefined) return Path.resolve(cwd, untilde(named))
  return nearest(cwd) ?? Path.join(cwd, folder)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = ".workflows"

const untilde = (path: string): string =>
  path === "~" || path.startsWith("~/") ? Path.join(Os.homedir(), path.slice(1)) : path

const nearest = (directory: string): string | undefined => {
  const candidate = Path.join(directory, folder)
  if (isDirectory(candidate)) return candidate
  const parent = Path.dirname(directory)
  return parent === directory ? undefined : nearest(parent)
}

const isDirectory = (path: string): boolean => {
  try {
    return Fs.statSync(path).isDirectory()
  } catch {
    // what cannot be looked at, such as a link to itself, is no home
    return false
  }
}
