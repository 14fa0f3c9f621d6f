/**
 * The commands about batches, loaded from the unbundled library when one of them is used.
 */
import type { BatchHost } from "../cli/BatchView.ts"

/**
 * The commands about batches, configured by the process's environment.
 * @category constructors
 * @since 0.1.0
 */
export const host: BatchHost = {
  submit: async (request, stored) => (await library()).submit(request, stored),
  status: async (home, id) => (await library()).status(home, id),
  advance: async (home, id) => (await library()).advance(home, id),
  wait: async (home, id, options) => (await library()).wait(home, id, options),
  cancel: async (home, id, giveUp) => (await library()).cancel(home, id, giveUp),
  list: async (home) => (await library()).list(home),
  rows: async (home, id, take) => (await library()).rows(home, id, take)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const library = async (): Promise<BatchHost> => (await import("./BatchNode.ts")).make(process.env)
