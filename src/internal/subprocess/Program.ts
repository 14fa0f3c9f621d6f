/**
 * Finding a program and starting it, with every way that can fail told apart before or by the attempt.
 *
 * - G1. What the system says never carries arguments, input or environment into an error (B5).
 * - G2. A file the system cannot execute is refused: the C library would have a shell try it as a script.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { SubprocessError } from "./Subprocess.ts"
import type { Command } from "./Subprocess.ts"

/**
 * A program that can be started, as far as that can be said before.
 * @category models
 * @since 0.1.0
 */
export interface Prepared {
  readonly command: Command
  readonly file: string
  readonly cwd: string
}

/**
 * Looks up a program and its directory; what is wrong with them is thrown as a `SubprocessError`.
 * @category constructors
 * @since 0.1.0
 */
export const prepare = (command: Command): Prepared => {
  if (process.platform === "win32") {
    throw failed(command.program, "Failed", "programs cannot be supervised on Windows yet")
  }
  const cwd = directoryOf(command)
  const file = locate(command.program, command.environment, cwd)
  if (typeof file !== "string") throw file
  return { command, file, cwd }
}

/**
 * Starts a program as the leader of a group of its own; what goes wrong at once is thrown as a `SubprocessError`, what
 * goes wrong a moment later comes as the child's `error` event.
 * @category constructors
 * @since 0.1.0
 */
export const spawn = (
  { command, cwd, file }: Prepared,
  variables: Readonly<Record<string, string>>
): ChildProcess.ChildProcessWithoutNullStreams => {
  const { OLDPWD: _, ...environment } = command.environment
  try {
    return ChildProcess.spawn(file, command.args, {
      cwd,
      detached: true,
      env: { ...environment, ...variables, PWD: cwd },
      stdio: ["pipe", "pipe", "pipe"]
    })
  } catch (error) {
    throw fromUnknown(command.program, error)
  }
}

/**
 * What the system said when a program was to be started.
 * @category converting
 * @since 0.1.0
 */
export const fromUnknown = (program: string, error: unknown): SubprocessError => {
  const code = codeOf(error)
  const known = codes[code]
  return known === undefined ? failed(program, "Failed", code) : failed(program, known[0], `${known[1]} (${code})`)
}

/**
 * The file a program's name stands for; undefined when there is none that can be executed.
 * @category constructors
 * @since 0.1.0
 */
export const find = (program: string, environment: Readonly<Record<string, string>>): string | undefined => {
  if (process.platform === "win32") return undefined
  const file = locate(program, environment, ".")
  return typeof file === "string" ? file : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Reason = SubprocessError["reason"]

const failed = (program: string, reason: Reason, detail: string): SubprocessError =>
  // a NUL in a name would be cut off by whoever prints it
  new SubprocessError({ program: program.replaceAll("\0", "\u{fffd}"), reason, detail })

const codes: Readonly<Record<string, readonly [Reason, string]>> = {
  E2BIG: ["InvalidArgument", "an argument or variable is longer than the system allows, or all of them together are"],
  ERR_INVALID_ARG_VALUE: ["InvalidArgument", "an argument or variable has a NUL"],
  ERR_INVALID_ARG_TYPE: ["InvalidArgument", "an argument or variable is not a text"],
  ENOENT: ["NotFound", "it does not exist, or the interpreter its first line names does not"],
  ENOTDIR: ["NotFound", "a part of its path is not a directory"],
  ELOOP: ["NotFound", "its path has too many links"],
  ENAMETOOLONG: ["NotFound", "its path is too long"],
  EACCES: ["NotExecutable", "it may not be executed"],
  EPERM: ["NotExecutable", "it may not be executed"],
  ENOEXEC: ["NotExecutable", "it is not a program of this machine"],
  EBADARCH: ["NotExecutable", "it is not a program of this machine"],
  ETXTBSY: ["Busy", "the file is being written"],
  EAGAIN: ["Failed", "there are too many processes"],
  ENOMEM: ["Failed", "there is not enough memory"],
  EMFILE: ["Failed", "there are too many open files in this process"],
  ENFILE: ["Failed", "there are too many open files in the system"]
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown reason"

const directoryOf = ({ cwd = ".", program }: Command): string => {
  try {
    // our own directory may be gone
    const directory = Path.resolve(cwd)
    if (!Fs.statSync(directory).isDirectory()) {
      throw failed(program, "InvalidDirectory", "its working directory is a file")
    }
    Fs.accessSync(directory, Fs.constants.X_OK)
    return directory
  } catch (error) {
    if (error instanceof SubprocessError) throw error
    throw failed(program, "InvalidDirectory", `its working directory cannot be entered (${codeOf(error)})`)
  }
}

const locate = (
  program: string,
  environment: Readonly<Record<string, string>>,
  cwd: string
): string | SubprocessError => {
  if (program.includes("\0")) return failed(program, "InvalidArgument", "its name has a NUL")
  if (program === "") return failed(program, "InvalidArgument", "its name is empty")
  if (program.includes("/")) {
    const file = Path.resolve(cwd, program)
    return refusal(program, file) ?? file
  }
  let first: SubprocessError | undefined
  // relative entries would make what is started depend on files of the directory an agent works in
  for (const directory of (environment["PATH"] ?? "").split(":").filter((entry) => entry.startsWith("/"))) {
    const file = Path.join(directory, program)
    const refused = refusal(program, file)
    if (refused === undefined) return file
    if (refused.reason !== "NotFound") first ??= refused
  }
  return first ?? failed(program, "NotFound", "it is in no directory of PATH")
}

/** Why a file cannot be executed, if it surely cannot. */
const refusal = (program: string, file: string): SubprocessError | undefined => {
  try {
    const status = Fs.statSync(file)
    if (status.isDirectory()) return failed(program, "NotExecutable", "it is a directory")
    if (!status.isFile()) return failed(program, "NotExecutable", "it is not a file")
    Fs.accessSync(file, Fs.constants.X_OK)
    if (status.size === 0) return failed(program, "NotExecutable", "it is an empty file")
    return isForeign(file) ? failed(program, "NotExecutable", "it is a program of another kind of machine") : undefined
  } catch (error) {
    return fromUnknown(program, error)
  }
}

/** A program for another processor, which nothing here emulates. */
const isForeign = (file: string): boolean => {
  if (process.platform !== "linux") return false
  const header = headerOf(file)
  if (header?.subarray(0, 4).equals(elf) !== true) return false
  const own = headerOf(process.execPath)
  return own !== undefined && !own.subarray(18, 20).equals(header.subarray(18, 20)) && !emulates()
}

const elf = Buffer.from("\u007fELF", "latin1")

const headerOf = (file: string): Buffer | undefined => {
  const header = Buffer.alloc(20)
  try {
    const handle = Fs.openSync(file, "r")
    try {
      return Fs.readSync(handle, header, 0, header.length, 0) === header.length ? header : undefined
    } finally {
      Fs.closeSync(handle)
    }
  } catch {
    // a program may be executed that may not be read
    return undefined
  }
}

const emulates = (): boolean => {
  try {
    return Fs.readdirSync("/proc/sys/fs/binfmt_misc").some((name) => name !== "register" && name !== "status")
  } catch {
    return false
  }
}
