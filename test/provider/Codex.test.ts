import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { inspect } from "node:util"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Codex from "../../src/provider/Codex.ts"
import type { Request } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import * as FakeCli from "../lib/FakeCli.ts"
import { directoryWith } from "../lib/node.ts"
import { alive, answered, failed, test } from "./cliLab.ts"
import * as cliLab from "./cliLab.ts"

const line = (value: unknown) => `${JSON.stringify(value)}\n`
const thread = "01a1fb01-1271-7c12-87d3-3dc11a49efe3"
const started = line({ type: "thread.started", thread_id: thread }) + line({ type: "turn.started" })
const message = (text: string) => line({ type: "item.completed", item: { id: "item_0", type: "agent_message", text } })
const completed = (input = 100, output = 10) =>
  line({ type: "turn.completed", usage: { input_tokens: input, cached_input_tokens: 40, output_tokens: output } })
const good = started + message("pong") + completed()

const play = (
  parts: ReadonlyArray<FakeCli.Part>,
  environment: Readonly<Record<string, string>> = {},
  options: Partial<Codex.Options> = {}
) =>
  Effect.gen(function*() {
    const cli = FakeCli.make("codex", parts)
    return { cli, codex: yield* cliLab.build(Codex.make({ concurrency: 4, ...options }), cli, environment) }
  })

const printing = (...steps: ReadonlyArray<FakeCli.Step>) => [{ steps }]

const session = {
  id: thread,
  used: Usage.make({ inputTokens: 60, cacheReadTokens: 40, outputTokens: 10 }),
  cost: undefined
}
const strict = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: { label: { enum: ["bug", "feature"] }, why: { type: "string" } },
  required: ["label"]
}

/** The arguments, with the directory of the request's files as `DIR`. */
const argsOf = ({ argv }: FakeCli.Start): string =>
  argv.join(" ").replaceAll(/\S+\/(?=schema\.json|last-message\.txt)/g, "DIR/")

const always = "exec --json --skip-git-repo-check --color never -c analytics.enabled=false"

describe("Codex", () => {
  describe("starts codex", () => {
    const calls: ReadonlyArray<readonly [string, Partial<Request>, string]> = [
      ["to read", {}, "-s read-only -o DIR/last-message.txt -"],
      ["to write", { mutates: true }, "-s workspace-write -o DIR/last-message.txt -"],
      ["for a model", { model: "gpt-5.5" }, "-s read-only -m gpt-5.5 -o DIR/last-message.txt -"],
      ["for a profile", { model: "local@" }, "-s read-only -p local -o DIR/last-message.txt -"],
      ["for a profile's model", { model: "local@qwen3" }, "-s read-only -p local -m qwen3 -o DIR/last-message.txt -"],
      [
        "to go on",
        { session: { ...session, used: Usage.zero }, model: "gpt-5.5" },
        `-s read-only -m gpt-5.5 -o DIR/last-message.txt resume ${thread} -`
      ],
      ["with a schema", { schema: strict }, "-s read-only --output-schema DIR/schema.json -o DIR/last-message.txt -"],
      [
        "to write with the network and one more directory",
        { mutates: true, permissions: ["network", "add-dir:/srv/data", "workspace-write"] },
        "-s workspace-write -c sandbox_workspace_write.network_access=true --add-dir=/srv/data -o DIR/last-message.txt -"
      ],
      [
        "to read what could be written",
        { mutates: true, permissions: ["read-only"] },
        "-s read-only -o DIR/last-message.txt -"
      ]
    ]
    it.scopedLive.each(calls)("%s", ([, fields, args]) =>
      Effect.gen(function*() {
        const home = directoryWith({ "local.config.toml": "" })
        const { cli, codex } = yield* play(printing({ print: good }), { CODEX_HOME: home })
        answered((yield* cliLab.ask(codex, fields)).outcome)
        const [start] = cli.starts()
        assert.strictEqual(argsOf(start!), `${always} ${args}`)
        assert.strictEqual(start!.input, "Say something.")
        assert.isFalse(start!.argv.some((arg) => /danger|bypass|approve/.test(arg)))
      }))

    test("in the call's directory", () =>
      Effect.gen(function*() {
        const directory = directoryWith({ "a -b/file": "" })
        const cwd = Path.join(directory, "a -b")
        const { cli, codex } = yield* play(printing({ print: good }))
        answered((yield* cliLab.ask(codex, { cwd })).outcome)
        const [start] = cli.starts()
        assert.strictEqual(start!.cwd, cwd)
        assert.strictEqual(start!.argv[start!.argv.indexOf("-C") + 1], cwd)
      }))

    test("with the system prompt at the head of its input, and in no argument", () =>
      Effect.gen(function*() {
        const { cli, codex } = yield* play(printing({ print: good }))
        yield* cliLab.ask(codex, { system: "Be a cat.", prompt: "--help" })
        yield* cliLab.ask(codex, { session, system: "Be a cat.", correction: { answer: "woof", problem: "a dog" } })
        const [first, second] = cli.starts()
        assert.strictEqual(first!.input, "Be a cat.\n\n--help")
        // the session holds the rest
        assert.include(second!.input, "a dog")
        assert.notInclude(second!.input, "Be a cat.")
        for (const { argv } of cli.starts()) assert.isFalse(argv.some((arg) => /cat|--help/.test(arg)))
      }))

    test("with the variables it needs, and no other", () =>
      Effect.gen(function*() {
        const home = directoryWith({
          "config.toml": "[model_providers.a]\nenv_key = \"PROXY_PASS_PHRASE\"\n",
          "local.config.toml": "[model_providers.b]\nenv_key = \"ANOTHER\"\n"
        })
        const own = {
          CODEX_HOME: home,
          OPENAI_API_KEY: "sk-1234567890",
          PROXY_PASS_PHRASE: "open sesame",
          ANOTHER: "x"
        }
        const foreign = {
          ANTHROPIC_API_KEY: "other",
          CODEX_SANDBOX: "seatbelt",
          CODEX_THREAD_ID: "outer",
          NODE_OPTIONS: "--inspect",
          GIT_DIR: "/elsewhere"
        }
        const { cli, codex } = yield* play(printing({ print: good }), { ...own, ...foreign, HOME: "/home/user" })
        yield* cliLab.ask(codex)
        const { env } = cli.starts()[0]!
        for (const [name, value] of Object.entries(own)) assert.strictEqual(env[name], value)
        for (const name of Object.keys(foreign)) assert.notProperty(env, name)
      }))
  })

  describe("refuses before anything is started", () => {
    const refusals: ReadonlyArray<readonly [string, Partial<Request>, ProviderReason, RegExp]> = [
      ["to write in a call that reads", { permissions: ["workspace-write"] }, "InvalidRequest", /may change files/],
      ["the network in a call that reads", { permissions: ["network"] }, "InvalidRequest", /may change files/],
      ["a directory in a call that reads", { permissions: ["add-dir:/srv"] }, "InvalidRequest", /may change files/],
      [
        "what was narrowed to reading and widened again",
        { mutates: true, permissions: ["read-only", "network"] },
        "InvalidRequest",
        /may change files/
      ],
      [
        "to switch the sandbox off",
        { mutates: true, permissions: ["danger-full-access"] },
        "InvalidRequest",
        /danger-full-access/
      ],
      ["a relative directory", { mutates: true, permissions: ["add-dir:../x"] }, "InvalidRequest", /add-dir:\/PATH/],
      ["a permission it does not know", { permissions: ["Bash(ls)"] }, "InvalidRequest", /read-only/],
      ["a profile without a file", { model: "missing@gpt-5.5" }, "Misconfigured", /missing\.config\.toml/],
      ["a profile outside of its home", { model: "../evil@" }, "Misconfigured", /no profile/],
      ["a model that would be a flag", { model: "local@--oss" }, "InvalidRequest", /--oss/],
      ["a session that would be a flag", { session: { ...session, id: "--last" } }, "InvalidRequest", /session/],
      ["a prompt that codex does not take", { prompt: "é".repeat(1_048_577) }, "ContextOverflow", /1048576/]
    ]
    it.scopedLive.each(refusals)("%s", ([, fields, reason, detail]) =>
      Effect.gen(function*() {
        const home = directoryWith({ "local.config.toml": "" })
        const { cli, codex } = yield* play(printing({ print: good }), { CODEX_HOME: home })
        const error = failed((yield* cliLab.ask(codex, fields)).outcome, reason)
        assert.match(error.detail, detail)
        assert.strictEqual(cli.starts().length, 0)
      }))

    test("a profile only until its file is there", () =>
      Effect.gen(function*() {
        const home = directoryWith({})
        const { codex } = yield* play(printing({ print: good }), { HOME: home })
        const model = codex.resolveModel("late@")
        failed((yield* cliLab.ask(codex, { model })).outcome, "Misconfigured")
        Fs.mkdirSync(Path.join(home, ".codex"))
        Fs.writeFileSync(Path.join(home, ".codex/late.config.toml"), "")
        answered((yield* cliLab.ask(codex, { model })).outcome)
      }))

    test("no prompt of as many characters as codex takes, in any number of bytes", () =>
      Effect.gen(function*() {
        const { cli, codex } = yield* play(printing({ print: good }))
        const prompt = "🦊".repeat(1_048_576)
        answered((yield* cliLab.ask(codex, { prompt })).outcome)
        assert.strictEqual(cli.starts()[0]!.sha256, FakeCli.sha256(prompt))
        assert.isAtLeast(codex.capabilities.maxPromptBytes ?? 0, cli.starts()[0]!.bytes)
      }))
  })

  describe("has a schema", () => {
    const sent = (schema: Request["schema"], text: string) =>
      Effect.gen(function*() {
        const { cli, codex } = yield* play(printing({ print: started + message(text) + completed() }))
        const answer = answered((yield* cliLab.ask(codex, { schema })).outcome)
        const [start] = cli.starts()
        const [file] = Object.values(start!.files)
        return { answer, start: start!, file, path: Object.keys(start!.files)[0] }
      })

    test("enforced in OpenAI's strict form, from a file of this user's own that is removed", () =>
      Effect.gen(function*() {
        const { answer, file, path, start } = yield* sent(strict, "{\"label\":\"bug\",\"why\":null}")
        assert.deepStrictEqual(JSON.parse(file!.text), {
          type: "object",
          properties: {
            label: { enum: ["bug", "feature"] },
            why: { anyOf: [{ type: "string" }, { type: "null" }] }
          },
          required: ["label", "why"],
          additionalProperties: false
        })
        assert.strictEqual(file!.mode, 0o600)
        assert.isFalse(Fs.existsSync(path!))
        assert.isFalse(Fs.existsSync(Path.dirname(path!)))
        assert.strictEqual(start.input, "Say something.")
        assert.strictEqual(answer.text, "{\"label\":\"bug\",\"why\":null}")
      }))

    test("inside of an object when its root is none, which is taken off the answer", () =>
      Effect.gen(function*() {
        const schema = {
          $schema: "https://json-schema.org/draft/2020-12/schema",
          type: "array",
          items: { $ref: "#/$defs/Item" },
          $defs: { Item: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } }
        }
        const { answer, file } = yield* sent(schema, "{\"answer\":[{\"n\":1}]}")
        const written = JSON.parse(file!.text) as Record<string, unknown>
        assert.strictEqual(written["type"], "object")
        assert.deepStrictEqual(written["required"], ["answer"])
        assert.property(written, "$defs")
        assert.notInclude(file!.text, "$schema")
        assert.strictEqual(answer.text, "[{\"n\":1}]")
      }))

    test("of null taken off the answer too", () =>
      Effect.gen(function*() {
        const { answer } = yield* sent({ type: ["string", "null"] }, "{\"answer\":null}")
        assert.strictEqual(answer.text, "null")
      }))

    test("in words when it has no strict form", () =>
      Effect.gen(function*() {
        const schema = { type: "object", additionalProperties: { type: "number" } }
        const { answer, file, start } = yield* sent(schema, "{\"answer\":3}")
        assert.strictEqual(file, undefined)
        assert.notInclude(start.argv.join(" "), "--output-schema")
        assert.include(start.input, JSON.stringify(schema))
        assert.strictEqual(answer.text, "{\"answer\":3}")
      }))
  })

  describe("counts", () => {
    test("what a request used, and prices it by the table", () =>
      Effect.gen(function*() {
        const { codex } = yield* play(printing({ print: good }))
        const { outcome, told } = yield* cliLab.ask(codex, { model: "gpt-5.5" })
        const answer = answered(outcome)
        assert.deepStrictEqual(answer.usage, Usage.make({ inputTokens: 60, cacheReadTokens: 40, outputTokens: 10 }))
        // 60 at 1, 40 at 0.1 and 10 at 10 dollars a million
        assert.deepStrictEqual(answer.cost, { amount: 164_000 as never, source: "test prices" })
        assert.deepStrictEqual(told, { sessions: [thread], usage: [10] })
      }))

    test("in a session what the request added to it", () =>
      Effect.gen(function*() {
        const total = line({
          type: "turn.completed",
          usage: { input_tokens: 230, cached_input_tokens: 90, output_tokens: 25 }
        })
        const { codex } = yield* play(printing({ print: started + message("again") + total }))
        const { outcome, told } = yield* cliLab.ask(codex, { session })
        const usage = Usage.make({ inputTokens: 80, cacheReadTokens: 50, outputTokens: 15 })
        assert.deepStrictEqual(answered(outcome).usage, usage)
        assert.deepStrictEqual(told.usage, [15])
      }))

    test("no cost where the price of the model is not known", () =>
      Effect.gen(function*() {
        const home = directoryWith({
          "config.toml": "model = \"unpriced\"\n",
          "other.config.toml": "model = \"known\"\n"
        })
        const { codex } = yield* play(printing({ print: good }), { CODEX_HOME: home })
        assert.strictEqual(answered((yield* cliLab.ask(codex)).outcome).cost, undefined)
        assert.notStrictEqual(answered((yield* cliLab.ask(codex, { model: "other@" })).outcome).cost, undefined)
        const estimate = codex.estimate(ProviderContract.request({ model: "default" }))
        assert.strictEqual(estimate.cost(1, 1), undefined)
      }))
  })

  describe("is not answered by", () => {
    const faults: ReadonlyArray<readonly [string, ReadonlyArray<FakeCli.Step>, ProviderReason]> = [
      ["nothing", [{ exit: 0 }], "EmptyAnswer"],
      ["white space", [{ print: "\n \n" }, { exit: 0 }], "EmptyAnswer"],
      ["a turn without a message", [{ print: started + completed() }], "EmptyAnswer"],
      ["half a result", [{ print: started + message("half") }, { exit: 0 }], "Malformed"],
      ["half a result and a failure", [{ print: started + message("half") }, { exit: 1 }], "Unavailable"],
      ["half a line", [{ print: started + message("half") + completed().slice(0, 30) }, { exit: 0 }], "Malformed"],
      ["a program killed on the way", [{ print: started + message("half") }, { kill: "SIGKILL" }], "Unavailable"],
      ["something that is not codex", [{ print: "usage: codex FILE\n" }, { exit: 0 }], "Malformed"],
      ["a wrong command line", [{ error: "error: unexpected argument '-s' found\n" }, { exit: 2 }], "Misconfigured"]
    ]
    it.scopedLive.each(faults)("%s", ([, steps, reason]) =>
      Effect.gen(function*() {
        const { codex } = yield* play(printing(...steps))
        failed((yield* cliLab.ask(codex)).outcome, reason)
      }))

    test("silence", () =>
      Effect.gen(function*() {
        const { cli, codex } = yield* play(printing({ print: started }, { signal: "hang" }))
        const { outcome, told } = yield* cliLab.ask(codex, { idleTimeout: Duration.seconds(3) })
        failed(outcome, "Silent")
        assert.deepStrictEqual(told.sessions, [thread])
        assert.isFalse(alive(cli.starts()[0]!.pid))
      }))
  })

  describe("keeps a result", () => {
    test("after which codex fails", () =>
      Effect.gen(function*() {
        const { codex } = yield* play(printing({ print: good }, { error: "Error: too late\n" }, { exit: 1 }))
        assert.strictEqual(answered((yield* cliLab.ask(codex)).outcome).text, "pong")
      }))

    test("after which codex hangs, and ends it", () =>
      Effect.gen(function*() {
        const options = { linger: Duration.millis(300), grace: Duration.millis(300) }
        const { cli, codex } = yield* play(printing({ print: good }, { signal: "hang" }), {}, options)
        assert.strictEqual(answered((yield* cliLab.ask(codex)).outcome).text, "pong")
        assert.isFalse(alive(cli.starts()[0]!.pid))
      }))

    test("in pieces of a byte", () =>
      Effect.gen(function*() {
        const text = "Ünïcödé 数える 🦊"
        const bytes = Buffer.from(started + message(text) + completed()).toString("base64")
        const { codex } = yield* play(printing({ bytes, pieces: 1 }))
        assert.strictEqual(answered((yield* cliLab.ask(codex)).outcome).text, text)
      }))

    test("that is in the file for the last message only", () =>
      Effect.gen(function*() {
        const script = `#!/bin/sh
/bin/cat > /dev/null
while [ $# -gt 0 ]; do [ "$1" = -o ] && printf 'from the file' > "$2"; shift; done
printf '%s' '${started}${completed()}'
`
        const directory = directoryWith({ codex: script })
        Fs.chmodSync(Path.join(directory, "codex"), 0o755)
        const codex = yield* cliLab.build(Codex.make({ concurrency: 4 }), { directory })
        assert.strictEqual(answered((yield* cliLab.ask(codex)).outcome).text, "from the file")
      }))
  })

  test("starts a new session when the one to continue is gone", () =>
    Effect.gen(function*() {
      const lost =
        `Error: thread/resume: thread/resume failed: no rollout found for thread id ${thread} (code -32600)\n`
      const { cli, codex } = yield* play([
        { when: "resume", steps: [{ error: lost }, { exit: 1 }] },
        { steps: [{ print: good }] }
      ])
      const fields = { session, prompt: "All of it.", correction: { answer: "no", problem: "wrong" } }
      const error = failed((yield* cliLab.ask(codex, fields)).outcome, "Unavailable")
      assert.isTrue(error.isTransient)
      const { outcome } = yield* cliLab.ask(codex, fields)
      // the new session's counts are its own
      assert.strictEqual(answered(outcome).usage?.outputTokens, 10)
      assert.include(cli.starts()[1]!.input, "All of it.")
      assert.notInclude(cli.starts()[1]!.argv, "resume")
    }))

  test("says when a plan's limit ends, by the clock of the user's zone", () =>
    Effect.gen(function*() {
      const at = new Date(Date.now() + 3 * 3_600_000)
      const zone = DateTime.zoneMakeOffset(5.5 * 3_600_000)
      const local = new Date(at.getTime() + 5.5 * 3_600_000)
      const hour = local.getUTCHours()
      const clock = `${hour % 12 === 0 ? 12 : hour % 12}:${String(local.getUTCMinutes()).padStart(2, "0")}`
      const said = `You’ve hit your usage limit. Try again at ${clock} ${hour < 12 ? "AM" : "PM"}.`
      const cli = FakeCli.make(
        "codex",
        printing(
          { print: started + line({ type: "turn.failed", error: { message: said } }) },
          { exit: 1 }
        )
      )
      const make = Effect.provideService(Codex.make({ concurrency: 4 }), DateTime.CurrentTimeZone, zone)
      const codex = yield* cliLab.build(make, cli)
      const error = failed((yield* cliLab.ask(codex)).outcome, "UsageLimit")
      assert.closeTo(error.retryAfterMs ?? 0, 3 * 3_600_000, 90_000)
    }))

  test("takes every secret out of what codex printed, also one that only its configuration names", () =>
    Effect.gen(function*() {
      const home = directoryWith({ "config.toml": "[model_providers.a]\nenv_key = \"PHRASE\"\n" })
      const secrets = { PHRASE: "open-sesame-4711", CODEX_API_KEY: "sk-canary-0815" }
      const failure = line({
        type: "turn.failed",
        error: { message: `unexpected status 401 Unauthorized: bad ${secrets.PHRASE} ${secrets.CODEX_API_KEY}` }
      })
      const { codex } = yield* play(
        printing({ print: started + failure }, { variable: "PHRASE", to: "stderr" }, { exit: 1 }),
        { ...secrets, CODEX_HOME: home }
      )
      const error = failed((yield* cliLab.ask(codex)).outcome, "Authentication")
      const shown = inspect(error, { depth: 9 })
      for (const secret of Object.values(secrets)) assert.notInclude(shown, secret)
      assert.include(error.raw ?? "", "[masked]")
    }))

  test("leaves no process when it is interrupted", () =>
    Effect.gen(function*() {
      const { cli, codex } = yield* play(
        printing({ signal: "ignoreTerm" }, { print: started }, { signal: "hang" }),
        {},
        {
          grace: Duration.millis(500)
        }
      )
      const fiber = yield* Effect.fork(cliLab.ask(codex))
      yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => cli.starts().length === 1 })
      const [start] = cli.starts()
      assert.isTrue(alive(start!.pid))
      yield* Fiber.interrupt(fiber)
      assert.isFalse(alive(start!.pid))
    }))

  test("says how to get codex when it is not there", () =>
    Effect.gen(function*() {
      const codex = yield* cliLab.build(Codex.make({ concurrency: 4 }), { directory: directoryWith({}) })
      assert.match(failed((yield* cliLab.ask(codex)).outcome, "Misconfigured").detail, /npm install -g @openai\/codex/)
    }))

  test("names models in one form", () =>
    Effect.gen(function*() {
      const { codex } = yield* play(printing({ print: good }), {}, { model: "@gpt-5.5" })
      const resolved = [undefined, "", "default", "codex", "@gpt-5.4", "local@", "local@default", "Codex", "gpt-5.4@"]
        .map(codex.resolveModel)
      assert.deepStrictEqual(
        resolved,
        ["gpt-5.5", "gpt-5.5", "gpt-5.5", "gpt-5.5", "gpt-5.4", "local@", "local@", "gpt-5.5", "gpt-5.4@"]
      )
    }))
})

ProviderContract.suite(
  "Codex",
  Effect.suspend(() => {
    const text = "{\"label\":\"bug\",\"why\":\"it breaks\"}"
    const cli = FakeCli.printing("codex", started + message(text) + completed())
    return cliLab.build(Codex.make({ concurrency: 4 }), cli)
  })
)
