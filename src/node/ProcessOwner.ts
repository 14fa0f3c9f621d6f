/**
 * Tells processes of this machine apart.
 *
 * - On Linux a process is its id and its start time within a boot and a process namespace, so a reused id is no match
 *   and a process of another container is not looked up here.
 * - Elsewhere only the id is compared; a heartbeat says the rest.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as SystemError from "../internal/systemError.ts"
import type { OwnerId } from "../store/Owner.ts"
import { Owner } from "../store/Owner.ts"

/**
 * This process and the others of its system.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Owner> = Layer.sync(Owner, () => {
  const system = findSystem()
  const self: OwnerId = {
    pid: process.pid,
    startedAt: startOf(process.pid) ?? "",
    system,
    host: Os.hostname()
  }
  return {
    self,
    check: (owner) => Effect.sync(() => (owner.system === system ? checkHere(owner) : "unknown"))
  }
})

/**
 * Whether there is a process with this id on this system, whoever it is.
 * @category predicates
 * @since 0.1.0
 */
export const exists = (pid: number): boolean => {
  // to the system these are groups of processes, or all of them
  if (pid <= 0) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // somebody else's process may not be signalled, but it is there
    return SystemError.codeOf(error) === "EPERM"
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const checkHere = (owner: OwnerId): "alive" | "dead" => {
  if (!exists(owner.pid)) return "dead"
  const startedAt = startOf(owner.pid)
  return owner.startedAt === "" || startedAt === owner.startedAt || (startedAt === undefined && exists(owner.pid))
    ? "alive"
    : "dead"
}

/** Start time in ticks since boot; empty for a process that has ended but was not waited for. */
const startOf = (pid: number): string | undefined => {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // the name in the second field may contain anything, also spaces and parentheses
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return fields[0] === "Z" || fields[0] === "X" ? "" : fields[19]
}

const findSystem = (): string => {
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim()
  const namespace = readLink("/proc/self/ns/pid")
  return boot === undefined || namespace === undefined
    ? `${process.platform}:${Os.hostname()}`
    : `${boot}:${namespace}`
}

const readText = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const readLink = (path: string): string | undefined => {
  try {
    return Fs.readlinkSync(path)
  } catch {
    return undefined
  }
}
