/**
 * The commands about batches, loaded from the unbundled library when one of them is used.
 */
import { setFlagsFromString } from "node:v8"
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

/**
 * Versions of Node whose V8 has `--liftoff-only`. The HTTP client's parser is WebAssembly, and compiling it a second time, for
 * speed, takes 30 MB for a moment: more than all that is done with a file of results. Here nobody else's WebAssembly runs, and
 * bodies pass the parser in large pieces. A version that is not known is left alone, as V8 complains about flags it lost.
 */
const thrifty: ReadonlySet<string> = new Set(["20", "22", "24"])

const library = async (): Promise<BatchHost> => {
  if (thrifty.has(process.versions.node.split(".")[0] ?? "")) setFlagsFromString("--liftoff-only")
  return (await import("./BatchNode.ts")).make(process.env)
}
