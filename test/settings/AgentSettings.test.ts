import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Settings from "../../src/settings/Settings.ts"

const agents = (env: Settings.Environment) =>
  Effect.flatMap(Settings.fromEnvironment(env), (settings) => settings.agents)

describe("AGENT_* variables", () => {
  it.effect("are read as numbers, names and truths; what is not set is left to its users", () =>
    Effect.gen(function*() {
      const read = yield* agents({
        AGENT_CLI: " codex ",
        CODEX_PROFILE: "local",
        AGENT_MAX_OUTPUT_RETRIES: "0",
        AGENT_CAP_MAX_WAIT_S: "691200",
        AGENT_INVOKE_BACKOFF_BASE_S: "1.5",
        AGENT_USE_DEFAULT_OUTPUTS: "False",
        AGENT_MODEL: ""
      })
      assert.deepInclude(read, {
        cli: "codex",
        codexProfile: "local",
        maxOutputRetries: 0,
        capMaxWaitSeconds: 691_200,
        invokeBackoffBaseSeconds: 1.5,
        useDefaultOutputs: false,
        model: undefined,
        maxCapWaits: undefined
      })
    }))

  it.effect("that hold something else are errors that name the variable, and only for who asks", () =>
    Effect.gen(function*() {
      const wrong = [
        ["AGENT_MAX_INVOKE_RETRIES", "many"],
        ["AGENT_MAX_CAP_WAITS", "-1"],
        ["AGENT_RESULT_TIMEOUT_S", "0"],
        ["AGENT_CAP_TICK_S", "inf"],
        ["AGENT_CAP_MAX_WAIT_S", "9999999999999999"],
        ["AGENT_USE_DEFAULT_OUTPUTS", "maybe"]
      ] as const
      for (const [variable, value] of wrong) {
        const settings = yield* Settings.fromEnvironment({ [variable]: value })
        const error = yield* Effect.flip(settings.agents)
        assert.strictEqual(error.variable, variable)
        assert.include(error.message, `${variable} is '${value}'; it has to be`)
      }
    }))

  it.effect("scripts see the variables that are listed for them", () =>
    Effect.gen(function*() {
      const { scriptVariables } = yield* Settings.fromEnvironment({ OWF_SCRIPT_ENV: "REPO_URL, REPO_BRANCH" })
      assert.deepStrictEqual([...scriptVariables], ["REPO_URL", "REPO_BRANCH"])
    }))
})
