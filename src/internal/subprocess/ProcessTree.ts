/**
 * What a started program consists of: its group, its descendants, and whatever carries its mark.
 *
 * - T1. A descendant is found by its group, by its parents, or by the mark in its environment, so that one that opened a
 *   session of its own, or whose parent has ended, is found as well. Once found it is known by its id and start time.
 * - T2. Nothing is signalled that is not known to be part of the program: a group only while its id cannot have been used
 *   again, any other process only when its start time is still the same.
 *
 * Outside of Linux marks and start times to the tick are not to be had: there the list of `ps` has to do.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"

/**
 * A process of the system.
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** Tells processes with the same id apart. */
  readonly startedAt: string
  readonly stopped: boolean
}

/**
 * The processes of the system that have not ended, by id.
 * @category models
 * @since 0.1.0
 */
export type Table = ReadonlyMap<number, Entry>

/**
 * A program that leads a group of its own.
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  readonly leader: number
  readonly mark: string
  /** True once the leader's id can be used again. */
  readonly reaped: () => boolean
  /** Start times of the processes found so far. */
  readonly known: Map<number, string>
}

/**
 * Name of the variable that marks the processes of a program.
 * @category models
 * @since 0.1.0
 */
export const variable = "OWF_PROCESS"

/**
 * A program that has just been started, before anything else could happen to it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (leader: number, mark: string, reaped: () => boolean): Tree => {
  const startedAt = startOf(leader)
  return { leader, mark, reaped, known: new Map(startedAt === undefined ? [] : [[leader, startedAt]]) }
}

/**
 * When a process started; undefined when there is none, or the system does not say.
 * @category constructors
 * @since 0.1.0
 */
export const startOf = (pid: number): string | undefined => readEntry(pid)?.startedAt

/**
 * The processes of the system now.
 * @category constructors
 * @since 0.1.0
 */
export const table = (): Table => (process.platform === "linux" ? tableOfProc() : parsePs(ps()))

/**
 * The list of `ps -axo pid=,ppid=,pgid=,stat=,lstart=` as a table.
 * @category converting
 * @since 0.1.0
 */
export const parsePs = (text: string): Table => {
  const entries = new Map<number, Entry>()
  for (const line of text.split("\n")) {
    const [, pid, parent, group, state = "", startedAt = ""] = psLine.exec(line) ?? []
    if (pid === undefined || state.startsWith("Z")) continue
    const stopped = state.startsWith("T")
    entries.set(Number(pid), { pid: Number(pid), parent: Number(parent), group: Number(group), startedAt, stopped })
  }
  return entries
}

/**
 * Notes the descendants a table shows, so that they stay known when their parents end.
 * @category running
 * @since 0.1.0
 */
export const note = (tree: Tree, table: Table): void => {
  for (const entry of descendants(tree, table)) tree.known.set(entry.pid, entry.startedAt)
}

/**
 * The processes of a program that have not ended; none once all have.
 * @category running
 * @since 0.1.0
 */
export const members = (tree: Tree, table: Table): ReadonlyArray<Entry> => {
  note(tree, table)
  const found = new Map<number, Entry>()
  const groupIsOurs = !tree.reaped() || !table.has(tree.leader)
  for (const entry of table.values()) {
    const known = tree.known.get(entry.pid) === entry.startedAt && (entry.pid !== tree.leader || !tree.reaped())
    if (known || (groupIsOurs && entry.group === tree.leader) || isMarked(tree, entry)) found.set(entry.pid, entry)
  }
  found.delete(process.pid)
  for (const entry of found.values()) tree.known.set(entry.pid, entry.startedAt)
  return [...found.values()]
}

/**
 * Signals processes of a program that were just found.
 * @category running
 * @since 0.1.0
 */
export const signal = (tree: Tree, found: ReadonlyArray<Entry>, name: NodeJS.Signals): void => {
  if (found.some((entry) => entry.group === tree.leader)) send(-tree.leader, name)
  for (const { group, pid, startedAt } of found) {
    if (group !== tree.leader && (process.platform !== "linux" || startOf(pid) === startedAt)) send(pid, name)
  }
}

/**
 * True when the marks in a value of the variable, outermost first, have this one.
 * @category predicates
 * @since 0.1.0
 */
export const hasMark = (value: string, mark: string): boolean => value.split("/").includes(mark)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const psLine = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*?)\s*$/

const descendants = (tree: Tree, table: Table): ReadonlyArray<Entry> => {
  const children = new Map<number, Array<Entry>>()
  for (const entry of table.values()) {
    const siblings = children.get(entry.parent)
    if (siblings === undefined) children.set(entry.parent, [entry])
    else siblings.push(entry)
  }
  const found: Array<Entry> = []
  const parents = [...tree.known].flatMap(([pid, startedAt]) => (table.get(pid)?.startedAt === startedAt ? [pid] : []))
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const child of children.get(parent) ?? []) {
      found.push(child)
      if (!tree.known.has(child.pid)) parents.push(child.pid)
    }
  }
  return found
}

const isMarked = (tree: Tree, entry: Entry): boolean => {
  if (process.platform !== "linux") return false
  // ticks since boot: what is older than the leader cannot come from it
  const since = tree.known.get(tree.leader)
  if (since !== undefined && Number(entry.startedAt) < Number(since)) return false
  const environment = readText(`/proc/${entry.pid}/environ`) ?? ""
  const assignment = environment.split("\0").find((text) => text.startsWith(`${variable}=`))
  return assignment !== undefined && hasMark(assignment.slice(variable.length + 1), tree.mark)
}

const tableOfProc = (): Table => {
  const entries = new Map<number, Entry>()
  for (const name of Fs.readdirSync("/proc")) {
    const entry = isId.test(name) ? readEntry(Number(name)) : undefined
    if (entry !== undefined) entries.set(entry.pid, entry)
  }
  return entries
}

const isId = /^\d+$/

const readEntry = (pid: number): Entry | undefined => {
  const stat = readStat(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // the name in the second field may contain anything, also spaces and parentheses
  const [state = "", parent, group, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const startedAt = rest[16]
  if (state === "Z" || state === "X" || startedAt === undefined) return undefined
  return { pid, parent: Number(parent), group: Number(group), startedAt, stopped: state === "T" }
}

/** Read once per process of the system, so into the same bytes each time. */
const readStat = (path: string): string | undefined => {
  try {
    const file = Fs.openSync(path, "r")
    try {
      return scratch.toString("latin1", 0, Fs.readSync(file, scratch))
    } finally {
      Fs.closeSync(file)
    }
  } catch {
    // it has ended
    return undefined
  }
}

const scratch = Buffer.alloc(2048)

const readText = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "latin1")
  } catch {
    // it has ended, or is somebody else's
    return undefined
  }
}

const ps = (): string =>
  ChildProcess.spawnSync("ps", ["-axo", "pid=,ppid=,pgid=,stat=,lstart="], {
    encoding: "latin1",
    env: { PATH: "/bin:/usr/bin", LC_ALL: "C" },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 5000
  }).stdout ?? ""

const send = (id: number, name: NodeJS.Signals): void => {
  try {
    process.kill(id, name)
  } catch {
    // it has ended meanwhile, or changed to a user we may not signal
  }
}
