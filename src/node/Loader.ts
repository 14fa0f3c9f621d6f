/**
 * Lets this process import workflows written in TypeScript, on every Node we support.
 *
 * Registering is for the whole process and cannot be undone; doing it twice does nothing. What the hooks promise stands
 * in `loaderHooks.ts`. Run from its own TypeScript source on a Node without synchronous hooks there is nothing to
 * register: whatever loaded this file (vitest, tsx) loads the workflow as well.
 */
import * as Module from "node:module"
import type * as Hooks from "./loaderHooks.ts"

/**
 * Installs the TypeScript hooks and turns source maps on; later calls do nothing.
 * @category running
 * @since 0.1.0
 */
export const register = (): void => {
  const already: unknown = Reflect.get(globalThis, registered)
  if (already === true) return
  Reflect.set(globalThis, registered, true)
  process.setSourceMapsEnabled(true)
  if (typeof Module.registerHooks === "function") {
    const hooks: typeof Hooks = Module.createRequire(import.meta.url)(`./loaderHooks${extension}`)
    Module.registerHooks({ resolve: hooks.resolveSync, load: hooks.loadSync })
  } else if (extension === ".js") {
    Module.register("./loaderHooks.js", import.meta.url)
  }
}

/**
 * What `node` is given so that it runs TypeScript the same way in a process of its own; nothing from our own source, of
 * which Node can load nothing by itself.
 * @category constants
 * @since 0.1.0
 */
export const nodeArguments: ReadonlyArray<string> = import.meta.url.endsWith(".ts")
  ? []
  : [`--import=${new URL("./register.js", import.meta.url).href}`]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// two copies of this package in one process must not translate a file twice
const registered = Symbol.for("owf/node/Loader/registered")

const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js"
