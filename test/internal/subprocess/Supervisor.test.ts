import { assert, describe, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Subprocess } from "../../../src/internal/subprocess/Subprocess.ts"
import * as Supervisor from "../../../src/internal/subprocess/Supervisor.ts"
import { directoryWith } from "../../lib/node.ts"
import { book, node, output, run, shell, takeAll, timed } from "./programs.ts"

const live = layer(Supervisor.layer, { excludeTestServices: true })

live("a program's input", (it) => {
  const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex")
  const echo = shell("", { program: "sha256sum", args: [] })

  for (const size of [0, 1, 131_071, 131_072, 5 * 1024 * 1024, 50 * 1024 * 1024]) {
    it.effect(`arrives whole with ${size} bytes`, () =>
      Effect.gen(function*() {
        const text = "0123456789abcdef".repeat(Math.ceil(size / 16)).slice(0, size)
        assert.strictEqual((yield* output({ ...echo, input: text })).stdout.slice(0, 64), sha256(text))
        const bytes = Buffer.from(text).fill(0xfe, Math.floor(size / 2))
        assert.strictEqual((yield* output({ ...echo, input: bytes })).stdout.slice(0, 64), sha256(bytes))
      }))
  }

  it.effect("arrives as it is, whatever characters it has", () =>
    Effect.gen(function*() {
      const emoji = "👩‍👩‍👧‍👦".repeat(10_000)
      const pairs = `x${"\u{1f600}".repeat(100_000)}`
      for (
        const input of [
          "-p x",
          "--help",
          "--",
          "@file",
          "\nfirst",
          "$(id) `id`",
          "a\0b",
          "a\r\nb",
          "\u2028",
          emoji,
          pairs
        ]
      ) {
        assert.isTrue((yield* output(shell("cat", { input }))).stdout === input, JSON.stringify(input.slice(0, 20)))
      }
      assert.strictEqual((yield* output(shell("cat", { input: "a\ud800b" }))).stdout, "a\ufffdb")
    }))

  it.effect("does not stop a program that ends without reading it", () =>
    Effect.gen(function*() {
      const input = "x".repeat(8 * 1024 * 1024)
      const ended = yield* output(shell("echo no >&2; exit 7", { input }))
      assert.deepInclude(ended, { code: 7, signal: null, endedBy: "itself", stderr: "no\n" })
      assert.deepInclude(yield* output(shell("exec 0<&-; sleep 0.2; exit 6", { input })), {
        code: 6,
        endedBy: "itself"
      })
    }))

  it.effect("PC-15: is closed after it, also when there is none", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* output(shell("cat >/dev/null; echo read")), { code: 0, stdout: "read\n" })
    }))

  it.effect("PC-10: is written while output is read", () =>
    Effect.gen(function*() {
      const input = "x".repeat(3 * 1024 * 1024)
      const ended = yield* output(shell("head -c 1048576 /dev/zero >&2; cat", { input }))
      assert.isTrue(ended.stdout === input)
      assert.strictEqual(ended.stderr, "\0".repeat(65_536))
    }))
})

live("a program's arguments and environment", (it) => {
  it.effect("are passed as they are", () =>
    Effect.gen(function*() {
      const args = ["-p x", "--help", "--", "@file", "", "two\nlines", "$(id)", "*", "日本語"]
      const ended = yield* output(shell("", { program: "printf", args: ["[%s]", ...args] }))
      assert.strictEqual(ended.stdout, args.map((arg) => `[${arg}]`).join(""))
    }))

  it.effect("PC-16: are the given ones, and nothing of ours", () =>
    Effect.gen(function*() {
      const set = { CLAUDECODE: "1", CLAUDE_CODE_ENTRYPOINT: "cli", NODE_OPTIONS: "--no-warnings", GIT_DIR: "/nowhere" }
      const cwd = directoryWith({})
      Object.assign(process.env, set)
      try {
        const environment = { PATH: "/usr/bin:/bin", PWD: "/stale", OLDPWD: "/stale", KEY: "value" }
        const { stdout } = yield* output(shell("", { program: "env", args: [], cwd, environment }))
        const lines = stdout.trim().split("\n").toSorted()
        assert.deepStrictEqual(lines.filter((line) => !line.startsWith("OWF_PROCESS=")), [
          "KEY=value",
          "PATH=/usr/bin:/bin",
          `PWD=${cwd}`
        ])
        assert.strictEqual((yield* output(shell("pwd -P; echo $PWD", { cwd }))).stdout, `${cwd}\n${cwd}\n`)
        assert.strictEqual((yield* output(shell("echo $PWD"))).stdout, `${process.cwd()}\n`)
      } finally {
        for (const name of Object.keys(set)) delete process.env[name]
      }
    }))

  it.effect("have a mark, beside those of the programs we are started by", () =>
    Effect.gen(function*() {
      process.env["OWF_PROCESS"] = "outer-1"
      try {
        const supervised = output(shell("echo $OWF_PROCESS")).pipe(Effect.provide(Layer.fresh(Supervisor.layer)))
        assert.match((yield* supervised).stdout, /^outer-1\/[\da-f-]{36}-1\n$/)
      } finally {
        delete process.env["OWF_PROCESS"]
      }
      const [first, second] = yield* Effect.all([
        output(shell("echo $OWF_PROCESS")),
        output(shell("echo $OWF_PROCESS"))
      ])
      assert.notStrictEqual(first.stdout, second.stdout)
    }))

  const secret = "do-not-tell-anybody"
  const refusals = {
    "an argument that is too long": shell("", { args: [secret + "x".repeat(131_072)] }),
    "a variable that is too long": shell("", { environment: { PATH: "/bin", LONG: secret + "x".repeat(131_072) } }),
    "arguments that are too long together": shell("", {
      args: Array.from({ length: 40 }, () => secret + "x".repeat(131_000))
    }),
    "an argument with a NUL": shell("", { args: [`${secret}\0`] }),
    "a variable with a NUL": shell("", { environment: { PATH: "/bin", KEY: `${secret}\0` } }),
    "a name with a NUL": shell("", { program: "/bin/sh\0", args: [secret] }),
    "an empty name": shell("", { program: "", args: [secret] })
  }
  for (const [what, command] of Object.entries(refusals)) {
    it.effect(`refuses ${what}, and does not repeat it`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(output({ ...command, input: secret }))
        assert.strictEqual(error.reason, "InvalidArgument")
        for (const text of [error.message, JSON.stringify(error), String(error), error.stack ?? ""]) {
          assert.notInclude(text, secret)
        }
      }))
  }

  it.effect("are not visible to others, as far as they are input or environment", () =>
    Effect.gen(function*() {
      const script =
        "cat >/dev/null; cat /proc/$$/cmdline /proc/$PPID/cmdline; for p in /proc/[0-9]*; do cat $p/cmdline; done"
      const seen = yield* output(shell(script, { input: secret, environment: { PATH: "/usr/bin:/bin", KEY: secret } }))
      assert.include(seen.stdout, "owf-sentinel")
      assert.notInclude(seen.stdout, secret)
    }))
})

live("a program that cannot be started", (it) => {
  const directory = directoryWith({
    "empty": "",
    "plain": "#!/bin/sh\n",
    "orphan": "#!/nonexistent/interpreter\n",
    "folder/x": "",
    "good/tool": "#!/bin/sh\necho good\n",
    "bad/tool": "#!/bin/sh\necho bad\n"
  })
  for (const name of ["empty", "orphan", "good/tool"]) Fs.chmodSync(Path.join(directory, name), 0o755)
  const foreign = Fs.readFileSync("/bin/true")
  // a machine that is none
  foreign.writeUInt16LE(0xfe, 18)
  Fs.writeFileSync(Path.join(directory, "foreign"), foreign, { mode: 0o755 })

  const cases = [
    ["that is nowhere in PATH", { program: "no-such-program" }, "NotFound"],
    ["whose file is missing", { program: "./missing" }, "NotFound"],
    ["below a file", { program: "./plain/x" }, "NotFound"],
    ["whose interpreter is missing", { program: "./orphan" }, "NotFound"],
    ["whose name is too long", { program: `./${"x".repeat(300)}` }, "NotFound"],
    ["that may not be executed", { program: "./plain" }, "NotExecutable"],
    [
      "that may not be executed, in PATH",
      { program: "tool", environment: { PATH: `${directory}/bad` } },
      "NotExecutable"
    ],
    ["that is a directory", { program: "./folder" }, "NotExecutable"],
    ["that is a device", { program: "/dev/null" }, "NotExecutable"],
    ["that is empty", { program: "./empty" }, "NotExecutable"],
    ["for another kind of machine", { program: "./foreign" }, "NotExecutable"],
    ["in a directory that is missing", { cwd: `${directory}/missing` }, "InvalidDirectory"],
    ["in a directory that is a file", { cwd: `${directory}/plain` }, "InvalidDirectory"],
    ["in a directory whose name has a NUL", { cwd: "/\0" }, "InvalidDirectory"],
    ["with no PATH", { program: "sh", environment: {} }, "NotFound"]
  ] as const
  for (const [what, changes, reason] of cases) {
    it.effect(`is told by its reason: ${what}`, () =>
      Effect.gen(function*() {
        const command = shell("echo started", { cwd: directory, ...changes })
        const error = yield* Effect.flip(output(command))
        assert.deepInclude(error, { _tag: "SubprocessError", program: command.program, reason })
        assert.isAbove(error.detail.length, 10)
      }))
  }

  it.effect("is waited for a moment while its file is written", () =>
    Effect.gen(function*() {
      const program = Path.join(directory, "busy")
      Fs.copyFileSync("/bin/true", program)
      const file = Fs.openSync(program, "r+")
      const [ended] = yield* Effect.all([
        output(shell("", { program, args: [] })),
        Effect.delay(Effect.sync(() => Fs.closeSync(file)), "300 millis")
      ], { concurrency: "unbounded" })
      assert.strictEqual(ended.code, 0)
    }))

  it.effect("is not waited for longer", () =>
    Effect.gen(function*() {
      const program = Path.join(directory, "busier")
      Fs.copyFileSync("/bin/true", program)
      const file = Fs.openSync(program, "r+")
      const error = yield* Effect.flip(output(shell("", { program, args: [] })))
      assert.strictEqual(error.reason, "Busy")
      Fs.closeSync(file)
    }))

  it.effect("is found along PATH, where it can be executed", () =>
    Effect.gen(function*() {
      const { find } = yield* Subprocess
      const PATH = `relative::.:${directory}/missing:${directory}/folder:${directory}/bad:${directory}/good:/bin`
      assert.strictEqual(yield* find("tool", { PATH }), `${directory}/good/tool`)
      assert.strictEqual(
        (yield* output(shell("", { program: "tool", args: [], environment: { PATH } }))).stdout,
        "good\n"
      )
      assert.strictEqual(yield* find(`${directory}/good/tool`, {}), `${directory}/good/tool`)
      assert.isUndefined(yield* find("tool", {}))
      assert.isUndefined(yield* find("tool", { PATH: `${directory}/bad` }))
      assert.isUndefined(yield* find(`${directory}/plain`, { PATH }))
    }))
})

live("a program's output", (it) => {
  it.effect("is not read faster than it is taken", () =>
    Effect.gen(function*() {
      let busy = 0
      let most = 0
      let bytes = 0
      const ended = yield* run(shell("head -c 3000000 /dev/zero"), (chunk) =>
        Effect.gen(function*() {
          most = Math.max(most, ++busy)
          yield* Effect.sleep(5)
          busy--
          bytes += chunk.length
          return "more" as const
        }))
      assert.strictEqual(most, 1)
      assert.deepStrictEqual([bytes, ended.outputBytes], [3_000_000, 3_000_000])
    }))

  it.effect("is taken to the end from a program that has long ended", () =>
    Effect.gen(function*() {
      let bytes = 0
      const ended = yield* run(shell("head -c 150000 /dev/zero"), (chunk) =>
        Effect.as(Effect.delay(Effect.sync(() => void (bytes += chunk.length)), 700), "more" as const))
      assert.deepStrictEqual([bytes, ended.outputBytes], [150_000, 150_000])
    }))

  it.effect("is not waited for once the program has ended, whoever holds it", () =>
    Effect.gen(function*() {
      const [ms, ended] = yield* timed(output(shell("echo done; sleep 60 & exit 0")))
      assert.deepInclude(ended, { stdout: "done\n", code: 0, endedBy: "itself" })
      assert.isBelow(ms, 10_000)
    }))

  it.effect("of what a program left is read for a moment", () =>
    Effect.gen(function*() {
      const ended = yield* output(shell("(sleep 0.2; echo late; echo late >&2) & echo done"))
      assert.deepInclude(ended, { stdout: "done\nlate\n", stderr: "late\n" })
    }))

  it.effect("ends the program once it is more than it may be, and is given up to there", () =>
    Effect.gen(function*() {
      let bytes = 0
      const ended = yield* run(shell("yes; exit 1", { maxOutputBytes: 1_000_001 }), (chunk) =>
        Effect.sync(() => {
          bytes += chunk.length
          return "more" as const
        }))
      assert.deepInclude(ended, { endedBy: "output" })
      assert.strictEqual(bytes, 1_000_001)
      assert.isAbove(ended.outputBytes, 1_000_001)
      const exact = yield* run(shell("head -c 1000 /dev/zero", { maxOutputBytes: 1000 }), takeAll)
      assert.deepInclude(exact, { endedBy: "itself", outputBytes: 1000 })
    }))

  it.effect("keeps only the last of its errors, from a whole character on", () =>
    Effect.gen(function*() {
      const script = "process.stderr.write('ä'.repeat(100000) + '!')"
      assert.strictEqual((yield* output(node(script))).stderr, `${"ä".repeat(32_767)}!`)
    }))

  it.effect("may be of a hundred programs at once", () =>
    Effect.gen(function*() {
      const all = yield* Effect.all(
        Array.from({ length: 100 }, (_, n) => output(shell(`cat; echo ${n} >&2`, { input: "x".repeat(n * 1000) }))),
        { concurrency: 25 }
      )
      assert.deepStrictEqual(
        all.map(({ stderr, stdout }) => [stdout.length, stderr]),
        all.map((_, n) => [n * 1000, `${n}\n`])
      )
    }), 60_000)

  it.effect("that nobody can take any more ends the program", () =>
    Effect.gen(function*() {
      const { ids, living, path } = book()
      const exit = yield* Effect.exit(run(shell(`echo $$ >> ${path}; echo; sleep 60`), () => Effect.die("full")))
      assert.include(String(exit), "full")
      assert.deepStrictEqual([ids().length, living().length], [1, 0])
    }))
})

layer(Supervisor.layer)("a test with a clock of its own", (it) => {
  it.effect("can run programs that end by themselves", () =>
    Effect.gen(function*() {
      const ended = yield* output(shell("cat; exit 3", { input: "hello", idleTimeout: Duration.minutes(5) }))
      assert.deepInclude(ended, { stdout: "hello", code: 3, endedBy: "itself" })
    }))

  it.effect("can let them be silent for as long as they may", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(output(shell("exec sleep 60", { idleTimeout: Duration.seconds(20) })))
      yield* TestClock.adjust("19 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      // asking it to end, and looking whether it has
      yield* TestClock.adjust("3 seconds")
      const ended = yield* Effect.raceFirst(Fiber.join(fiber), Effect.forever(TestClock.adjust("50 millis")))
      assert.deepInclude(ended, { signal: "SIGTERM", endedBy: "silence" })
    }))
})

describe("another system", () => {
  live("where programs cannot be supervised", (it) => {
    it.effect("says so", () =>
      Effect.gen(function*() {
        const { find } = yield* Subprocess
        const platform = process.platform
        Object.defineProperty(process, "platform", { value: "win32" })
        try {
          const error = yield* Effect.flip(output(shell("exit 0")))
          assert.deepInclude(error, { reason: "Failed" })
          assert.include(error.message, "Windows")
          assert.isUndefined(yield* find("sh", { PATH: "/bin" }))
        } finally {
          Object.defineProperty(process, "platform", { value: platform })
        }
      }))
  })
})
