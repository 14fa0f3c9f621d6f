import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Supervisor from "../../../src/internal/subprocess/Supervisor.ts"
import { book, isAlive, node, output, run, shell, stateOf, takeAll, timed, tree, treeSize, until } from "./programs.ts"

const live = layer(Supervisor.layer, { excludeTestServices: true })

const grace = Duration.millis(300)

/** Wants no more once a line says so. */
const untilResult = (chunk: Uint8Array) =>
  Effect.succeed(Buffer.from(chunk).includes("result") ? "complete" as const : "more" as const)

live("a program whose result has come", (it) => {
  it.effect("may fail afterwards", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* run(shell("echo result; exit 1"), untilResult), { code: 1, endedBy: "itself" })
    }))

  it.effect("is ended when it does not end", () =>
    Effect.gen(function*() {
      const { living, path } = book()
      const [ms, ended] = yield* timed(
        run(
          shell(`echo $$ >> ${path}; echo result; exec sleep 60`, {
            linger: Duration.millis(300),
            idleTimeout: Duration.millis(100)
          }),
          untilResult
        )
      )
      assert.deepInclude(ended, { signal: "SIGTERM", endedBy: "linger" })
      assert.isAbove(ms, 290)
      assert.deepStrictEqual(living(), [])
    }))

  it.effect("has time to end by itself, and to say more", () =>
    Effect.gen(function*() {
      const taken: Array<string> = []
      const ended = yield* run(shell("echo result; sleep 0.4; echo usage"), (chunk) => {
        taken.push(Buffer.from(chunk).toString())
        return untilResult(chunk)
      })
      assert.deepInclude(ended, { code: 0, endedBy: "itself" })
      assert.strictEqual(taken.join(""), "result\nusage\n")
    }))
})

live("a silent program", (it) => {
  const cases = {
    "that never prints": "sleep 60",
    "that goes silent": "echo a; sleep 0.3; echo b >&2; sleep 60",
    "that stops in the middle of a line": "printf '{\"half\":'; sleep 60",
    "that closes its output": "exec 1>&- 2>&-; sleep 60"
  }
  for (const [what, script] of Object.entries(cases)) {
    it.effect(`is ended: one ${what}`, () =>
      Effect.gen(function*() {
        const { ids, living, path } = book()
        const [ms, ended] = yield* timed(
          output(shell(`echo $$ >> ${path}; ${script}`, { idleTimeout: Duration.seconds(1) }))
        )
        assert.deepInclude(ended, { signal: "SIGTERM", code: null, endedBy: "silence" })
        assert.isAbove(ms, 990)
        assert.isBelow(ms, 10_000)
        assert.strictEqual(ids().length, 1)
        assert.deepStrictEqual(living(), [])
      }))
  }

  it.effect("is not one that says a little, on either output", () =>
    Effect.gen(function*() {
      const script = "for n in 1 2 3 4 5 6 7; do printf .; sleep 0.2; printf . >&2; sleep 0.2; done"
      const ended = yield* output(shell(script, { idleTimeout: Duration.millis(1500) }))
      assert.deepInclude(ended, { stdout: ".......", stderr: ".......", code: 0, endedBy: "itself" })
    }))

  it.effect("is not one whose output we have not taken yet", () =>
    Effect.gen(function*() {
      const command = shell("head -c 1000000 /dev/zero", { idleTimeout: Duration.millis(200) })
      let isFirst = true
      const ended = yield* run(command, () =>
        Effect.gen(function*() {
          if (isFirst) yield* Effect.sleep(800)
          isFirst = false
          return "more" as const
        }))
      assert.deepInclude(ended, { endedBy: "itself", outputBytes: 1_000_000 })
    }))
})

live("a program that does not want to end", (it) => {
  it.effect("is asked once, and ended after the grace", () =>
    Effect.gen(function*() {
      const script =
        "process.on('SIGTERM', () => process.stdout.write('asked ')); setInterval(() => undefined, 1e6); process.stdout.write('up ')"
      let text = ""
      const [ms, ended] = yield* timed(
        run(node(script, { grace: Duration.seconds(1), idleTimeout: Duration.seconds(2) }), (chunk) =>
          Effect.sync(() => {
            text += Buffer.from(chunk).toString()
            return "more"
          }))
      )
      assert.strictEqual(text, "up asked ")
      assert.deepInclude(ended, { signal: "SIGKILL", endedBy: "silence" })
      assert.isAbove(ms, 2990)
    }))

  it.effect("is ended although it has stopped", () =>
    Effect.gen(function*() {
      const script = "trap 'echo asked; exit 5' TERM; kill -STOP $$; sleep 60"
      const ended = yield* output(shell(script, { idleTimeout: Duration.millis(300) }))
      assert.deepInclude(ended, { stdout: "asked\n", code: 5, endedBy: "silence" })
    }))

  it.effect("is ended although it waits for none of its children", () =>
    Effect.gen(function*() {
      const { ids, living, path } = book()
      // the shell becomes a program that knows nothing of the children it has
      const script = `trap '' TERM; for n in 1 2 3; do sh -c 'echo $$ >> ${path}' & done; exec sleep 60`
      const ended = yield* output(shell(script, { grace, idleTimeout: Duration.seconds(1) }))
      assert.deepInclude(ended, { signal: "SIGKILL", endedBy: "silence" })
      assert.strictEqual(ids().length, 3)
      assert.deepStrictEqual(living(), [])
      yield* until("no zombie is left", () => ids().every((id) => stateOf(id) === undefined))
    }))
})

live("what a program starts", (it) => {
  const all = (path: string) => () => Fs.readFileSync(path, "utf8").split("\n").length > treeSize

  for (const isStubborn of [false, true]) {
    const which = isStubborn ? "stubborn " : ""
    it.effect(`ends with it: a ${which}tree after its own end`, () =>
      Effect.gen(function*() {
        const pages = book()
        const ended = yield* output(shell(tree(pages, "echo done; exit 4", { isStubborn }), { grace }))
        assert.deepInclude(ended, { stdout: "done\n", code: 4, endedBy: "itself" })
        assert.strictEqual(pages.ids().length, treeSize)
        assert.deepStrictEqual(pages.living(), [])
      }))

    it.effect(`ends with it: a ${which}tree that goes silent`, () =>
      Effect.gen(function*() {
        const pages = book()
        const ended = yield* output(
          shell(tree(pages, "echo up; sleep 60", { isStubborn }), { grace, idleTimeout: Duration.seconds(4) })
        )
        assert.deepInclude(ended, { stdout: "up\n", endedBy: "silence", signal: isStubborn ? "SIGKILL" : "SIGTERM" })
        assert.strictEqual(pages.ids().length, treeSize)
        assert.deepStrictEqual(pages.living(), [])
      }))

    it.effect(`ends with it: a ${which}tree that is interrupted`, () =>
      Effect.gen(function*() {
        const pages = book()
        const fiber = yield* Effect.fork(run(shell(tree(pages, "sleep 60", { isStubborn }), { grace }), takeAll))
        yield* until("the tree is there", all(pages.path))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(pages.ids().length, treeSize)
        assert.deepStrictEqual(pages.living(), [])
      }))
  }

  it.effect("ends with it, although it has neither parent nor environment", () =>
    Effect.gen(function*() {
      const { ids, living, path } = book()
      const script = `env -i setsid sh -c 'echo $$ >> ${path}; exec sleep 300' >/dev/null 2>&1 & sleep 3; exit`
      yield* output(shell(script, { grace }))
      assert.strictEqual(ids().length, 1)
      assert.deepStrictEqual(living(), [])
    }))

  it.effect("ends, and nothing else does", () =>
    Effect.gen(function*() {
      // a user's own program, and one with the mark of another supervisor
      const others = [{ PATH: "/bin" }, { PATH: "/bin", OWF_PROCESS: "another-1" }].map((env) =>
        ChildProcess.spawn("sleep", ["300"], { detached: true, env, stdio: "ignore" })
      )
      const pages = book()
      const beside = yield* Effect.fork(output(shell(`echo $$ >> ${pages.path}; sleep 300`, { grace })))
      yield* until("it is there", () => pages.ids().length === 1)
      yield* output(shell("setsid sleep 300 & sleep 300", { grace, idleTimeout: Duration.millis(200) }))
      assert.deepStrictEqual(others.map(({ pid }) => isAlive(pid!)), [true, true])
      assert.strictEqual(pages.living().length, 1)
      yield* Fiber.interrupt(beside)
      for (const other of others) other.kill("SIGKILL")
    }))
})

live("an interruption", (it) => {
  it.effect("at any moment leaves nothing", () =>
    Effect.gen(function*() {
      const pages = book()
      const script = `echo $$ >> ${pages.path}; setsid sh -c 'echo $$ >> ${pages.path}; sleep 300' & echo up; sleep 300`
      for (let ms = 0; ms < 40; ms++) {
        const ended = yield* Effect.timeoutOption(run(shell(script, { grace }), takeAll), ms)
        assert.strictEqual(ended._tag, "None")
        assert.deepStrictEqual(pages.living(), [], `after ${ms} ms`)
      }
      assert.isAbove(pages.ids().length, 10)
    }))

  it.effect("returns within the grace and a little, and ends siblings of a failure", () =>
    Effect.gen(function*() {
      const pages = book()
      const stubborn = shell(tree(pages, "sleep 300", { isStubborn: true }), { grace })
      const failing = Effect.zipRight(
        until("the others are there", () => pages.ids().length === 3 * treeSize),
        Effect.fail("no")
      )
      const work = [failing, ...Array.from({ length: 3 }, () => run(stubborn, takeAll))]
      const error = yield* Effect.flip(Effect.all(work, { concurrency: "unbounded", discard: true }))
      assert.strictEqual(error, "no")
      assert.deepStrictEqual(pages.living(), [])
    }))

  it.effect("does not wait for a sink that is busy before it ends the program", () =>
    Effect.gen(function*() {
      const pages = book()
      const fiber = yield* Effect.fork(
        run(
          shell(`echo $$ >> ${pages.path}; yes`, { grace }),
          () => Effect.as(Effect.sleep("1 minute"), "more" as const)
        )
      )
      yield* until("it is there", () => pages.ids().length === 1)
      const [ms] = yield* timed(Fiber.interrupt(fiber))
      assert.isBelow(ms, 10_000)
      assert.deepStrictEqual(pages.living(), [])
    }))

  it.effect("that is not possible changes nothing else", () =>
    Effect.gen(function*() {
      const pages = book()
      const all = Effect.all([
        output(shell("echo done")),
        output(shell("echo done; sleep 60 & exit")),
        output(shell("echo done; exec sleep 60", { idleTimeout: Duration.millis(100) })),
        output(shell(tree(pages, "echo done", { isStubborn: true }), { grace })),
        output(shell("echo done; exec 0<&-; sleep 0.1", { input: "x".repeat(1_000_000) }))
      ])
      assert.deepStrictEqual((yield* Effect.uninterruptible(all)).map(({ stdout }) => stdout), Array(5).fill("done\n"))
      assert.deepStrictEqual(pages.living(), [])
    }))

  it.effect("is not needed when all are ended at once", () =>
    Effect.gen(function*() {
      const pages = book()
      const fiber = yield* Effect.fork(output(shell(tree(pages, "sleep 300", { isStubborn: true }))))
      yield* until("the tree is there", () => pages.ids().length === treeSize)
      Supervisor.killAll()
      const ended = yield* Fiber.join(fiber)
      assert.deepInclude(ended, { signal: "SIGKILL", endedBy: "itself" })
      assert.deepStrictEqual(pages.living(), [])
      Supervisor.killAll()
    }))
})
