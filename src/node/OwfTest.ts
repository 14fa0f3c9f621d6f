/**
 * One Layer for tests of workflows: a home of its own that is removed with the Layer, and answers from a script.
 *
 * The store is the real one, so that a test sees what a run records; nothing is read from the environment.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Provider } from "../provider/Provider.ts"
import type { SettingsError } from "../settings/Settings.ts"
import type { StoreError } from "../store/RunStore.ts"
import * as Owf from "./Owf.ts"

/**
 * Everything a workflow needs to run, in a temporary home, with the given provider as the run's own.
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Omit<Owf.Options, "provider" | "environment"> & { readonly provider?: Provider | undefined } = {}
): Layer.Layer<Owf.Owf, StoreError | SettingsError> => {
  const { provider, ...rest } = options
  return Layer.unwrapScoped(Effect.map(temporary(options.home), (home) =>
    Owf.layer({
      ...rest,
      home,
      environment: {},
      ...(provider === undefined ? {} : { provider: provider.name, providers: [provider, ...rest.providers ?? []] })
    })))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const temporary = (home: string | undefined) =>
  home === undefined
    ? Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-test-"))),
      (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
    )
    : Effect.succeed(home)
