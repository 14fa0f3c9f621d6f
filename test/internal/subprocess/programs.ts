import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Command, Ended, Sink } from "../../../src/internal/subprocess/Subprocess.ts"
import { Subprocess } from "../../../src/internal/subprocess/Subprocess.ts"
import type { SubprocessError } from "../../../src/internal/subprocess/Subprocess.ts"
import { directoryWith } from "../../lib/node.ts"

/** A program of one shell script. */
export const shell = (script: string, changes: Partial<Command> = {}): Command => ({
  program: "/bin/sh",
  args: ["-c", script],
  cwd: undefined,
  environment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  input: "",
  ...changes
})

/** A program of one Node script. */
export const node = (script: string, changes: Partial<Command> = {}): Command =>
  shell("", { program: process.execPath, args: ["-e", script], ...changes })

/** What a program printed, and how it ended. */
export interface Output extends Ended {
  readonly stdout: string
}

/** Runs a program and keeps what it prints. */
export const output = (command: Command): Effect.Effect<Output, SubprocessError, Subprocess> =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    const ended = yield* run(command, (chunk) =>
      Effect.sync(() => {
        chunks.push(chunk.slice())
        return "more"
      }))
    return { ...ended, stdout: Buffer.concat(chunks).toString("utf8") }
  })

/** Runs a program with a sink. */
export const run = (command: Command, sink: Sink): Effect.Effect<Ended, SubprocessError, Subprocess> =>
  Effect.flatMap(Subprocess, (subprocess) => subprocess.run(command, sink))

/** Takes everything and wants more. */
export const takeAll: Sink = () => Effect.succeed("more")

/** Milliseconds an effect takes. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, (value) => [performance.now() - from, value] as const)
  })

/** Waits until there is a value, or dies after a while. */
export const until = <A>(what: string, look: () => A | undefined | false): Effect.Effect<A> =>
  Effect.promise(() => eventually(what, look))

export const eventually = async <A>(what: string, look: () => A | undefined | false): Promise<A> => {
  const deadline = Date.now() + 20_000
  while (Date.now() < deadline) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain until ${what}`)
}

/** A directory in which programs write down their ids. */
export interface Book {
  readonly path: string
  /** Ids written so far. */
  readonly ids: () => ReadonlyArray<number>
  /** Those of them that have not ended. */
  readonly living: () => ReadonlyArray<number>
}

export const book = (): Book => {
  const directory = directoryWith({ ids: "" })
  const path = Path.join(directory, "ids")
  const ids = () => Fs.readFileSync(path, "utf8").split("\n").filter((line) => line !== "").map(Number)
  return { path, ids, living: () => ids().filter(isAlive) }
}

/** True for a process that has not ended. */
export const isAlive = (pid: number): boolean => {
  const state = stateOf(pid)
  return state !== undefined && state !== "Z" && state !== "X"
}

/** State of a process as /proc has it. */
export const stateOf = (pid: number): string | undefined => {
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0]
  } catch {
    return undefined
  }
}

/**
 * A script that starts a child in its group, one in a session of its own, one whose parent has ended, and one under Node,
 * writes down the ids of all, and then does `last`. Stubborn ones ignore SIGTERM.
 */
export const tree = (
  { path }: Book,
  last: string,
  { isStubborn = false }: { readonly isStubborn?: boolean } = {}
): string => {
  const directory = Path.dirname(path)
  const member = Path.join(directory, "member.sh")
  const deaf = isStubborn ? "trap '' TERM" : ":"
  Fs.writeFileSync(member, `${deaf}; echo $$ >> ${path}; exec sleep 300\n`)
  const parent = Path.join(directory, "parent.cjs")
  Fs.writeFileSync(
    parent,
    `process.on("SIGTERM", () => ${isStubborn ? "undefined" : "process.exit()"})
     require("node:fs").appendFileSync("${path}", process.pid + "\\n")
     require("node:child_process").spawn("sh", ["${member}"], { detached: true, stdio: "ignore" })
     setInterval(() => undefined, 1e6)`
  )
  return `
    ${deaf}
    exec 2>/dev/null
    echo $$ >> ${path}
    sh ${member} &
    setsid sh ${member} &
    sh -c 'setsid sh ${member} & exit'
    '${process.execPath}' ${parent} &
    while [ $(wc -l < ${path}) -lt ${treeSize} ]; do sleep 0.05; done
    ${last}
  `
}

/** Processes of such a tree. */
export const treeSize = 6
