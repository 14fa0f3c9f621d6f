import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as SettingsNode from "../../src/node/SettingsNode.ts"
import { Settings } from "../../src/settings/Settings.ts"
import { directoryWith } from "../lib/node.ts"

const settingsWith = (file: string) => Effect.provide(Settings, SettingsNode.layer({ OWF_PROVIDERS_FILE: file }))

/** Why the file is not read. */
const refusalOf = (file: string) =>
  Effect.gen(function*() {
    const settings = yield* settingsWith(file)
    return Option.map(yield* settings.providersFileProblem, (problem) => problem.message)
  })

describe("the providers file on disk", () => {
  it.effect("is read with the settings", () =>
    Effect.gen(function*() {
      const house = { base_url: "https://llm.example.org/v1", default_model: "m", api_key_env: "HOUSE_KEY" }
      const directory = directoryWith({ "providers.json": JSON.stringify({ providers: { house } }) })
      const settings = yield* settingsWith(Path.join(directory, "providers.json"))
      assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none())
      assert.strictEqual((yield* settings.configured("house")).model, "m")
    }))

  it.effect("has to be there where it is named, and need not be where it is not", () =>
    Effect.gen(function*() {
      const directory = directoryWith({ file: "" })
      for (const path of [Path.join(directory, "none.json"), Path.join(directory, "file", "none.json")]) {
        assert.deepStrictEqual(yield* refusalOf(path), Option.some(`${path}: it does not exist`))
      }
      const settings = yield* Effect.provide(Settings, SettingsNode.layer({ HOME: directory }))
      assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none())
    }))

  it.effect("is refused where it is no file, too large, or cannot be opened", () =>
    Effect.gen(function*() {
      const directory = directoryWith({ large: "", self: "" })
      const at = (name: string) => Path.join(directory, name)
      execFileSync("mkfifo", [at("pipe")])
      Fs.truncateSync(at("large"), 4_194_305)
      Fs.rmSync(at("self"))
      Fs.symlinkSync(at("self"), at("self"))
      assert.deepStrictEqual(yield* refusalOf(directory), Option.some(`${directory}: it is not a file`))
      assert.deepStrictEqual(yield* refusalOf(at("pipe")), Option.some(`${at("pipe")}: it is not a file`))
      assert.deepStrictEqual(
        yield* refusalOf(at("large")),
        Option.some(`${at("large")}: it has more than 4194304 bytes`)
      )
      assert.deepStrictEqual(yield* refusalOf(at("self")), Option.some(`${at("self")}: it cannot be read (ELOOP)`))
    }))
})
