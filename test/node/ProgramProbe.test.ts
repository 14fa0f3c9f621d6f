import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as ProgramProbe from "../../src/node/ProgramProbe.ts"
import * as Settings from "../../src/settings/Settings.ts"
import { directoryWith } from "../lib/node.ts"

/** What is found of a program that does this when it is asked for its version. */
const probed = (does: string) => {
  const directory = directoryWith({ agent: `#!/bin/sh\n${does}\n` })
  Fs.chmodSync(Path.join(directory, "agent"), 0o755)
  const path = `${directory}:${process.env["PATH"]}`
  return ProgramProbe.probe("agent", Duration.seconds(1)).pipe(
    Effect.provide(Layer.merge(Settings.layer({ PATH: path }), Supervisor.layer))
  )
}

describe("PC-22: a program that is asked for its version", () => {
  it.live("and hangs is given up when its time is over, whatever it makes of signals", () =>
    Effect.gen(function*() {
      const began = performance.now()
      const { problem, version } = yield* probed("trap '' TERM\nwhile :; do sleep 0.1; done")
      assert.isNull(version)
      assert.match(problem ?? "", /did not say its version within 1s/)
      assert.isBelow(performance.now() - began, 15_000)
    }), 30_000)

  it.live(
    "and prints without end is ended",
    () => Effect.map(probed("exec yes x"), ({ version }) => assert.isNull(version)),
    30_000
  )

  it.live("and says something else has none, which is no fault of it", () =>
    Effect.map(
      probed("printf 'welcome \\033[2J\\377\\n'"),
      ({ problem, version }) => assert.deepStrictEqual([version, problem], [null, null])
    ))

  it.live("is known by what it says", () =>
    Effect.map(probed("echo agent v1.2.3"), ({ version }) => assert.strictEqual(version, "1.2.3")))
})
