/**
 * The port that tells processes apart: who this process is, and whether the owner of a run is still alive.
 *
 * A process id alone proves nothing, because ids are reused and other machines and containers have their own. An owner
 * is therefore known by its id, the time it was started and the system it runs on.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * A process, told apart from every other one that ever was.
 * @category models
 * @since 0.1.0
 */
export interface OwnerId {
  readonly pid: number
  /** When the process started, in the system's own units; empty where the system does not say. */
  readonly startedAt: string
  /** Boot and process namespace, so that a process of another boot, machine or container is not looked up by id here. */
  readonly system: string
  /** Name of the machine, for people. */
  readonly host: string
}

/**
 * Tells processes apart.
 * @category services
 * @since 0.1.0
 */
export class Owner extends Context.Tag("owf/Owner")<Owner, {
  readonly self: OwnerId
  /** `unknown` when the owner belongs to another system, so that only its heartbeat can tell. */
  readonly check: (owner: OwnerId) => Effect.Effect<"alive" | "dead" | "unknown">
}>() {}
