import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Problem } from "../../src/mcp/Problem.ts"
import * as Places from "../../src/node/mcp/Places.ts"
import { directoryWith } from "../lib/node.ts"

const place = (
  files: Readonly<Record<string, string>> = {},
  flags: { readonly homes?: ReadonlyArray<string> } = {}
) => {
  const outside = directoryWith({ "secret.txt": "canary", "home/workflow.sqlite": "canary" })
  const root = directoryWith(files)
  const allowed = Effect.runSync(Places.allow({ roots: [], homes: flags.homes ?? [] }, root, undefined))
  return { outside, root, allowed }
}

const refused = <A>(effect: Effect.Effect<A, Problem>): Effect.Effect<Problem> => Effect.orDie(Effect.flip(effect))

describe("the files a client may name", () => {
  it.effect("are those in a root, by whatever path, and no others (MC-4)", () =>
    Effect.gen(function*() {
      const { allowed, outside, root } = place({ "a/flow.ts": "x" })
      Fs.symlinkSync(outside, Path.join(root, "out"))
      Fs.symlinkSync(Path.join(root, "a"), Path.join(root, "in"))
      Fs.symlinkSync(Path.join(outside, "nothing"), Path.join(root, "dangling.ts"))
      execFileSync("mkfifo", [Path.join(root, "pipe.ts")])
      Fs.mkdirSync(`${root}-evil`)
      Fs.writeFileSync(`${root}-evil/flow.ts`, "x")
      for (const path of ["a/flow.ts", "in/flow.ts", "./a/../a/flow.ts", Path.join(root, "a/flow.ts")]) {
        assert.strictEqual(yield* Places.file(allowed, path), Path.join(root, "a/flow.ts"))
      }
      const outer = [
        "../secret.txt",
        Path.join(outside, "secret.txt"),
        Path.join(outside, "not-there.txt"),
        "out/secret.txt",
        "out/not-there.txt",
        "/etc/passwd",
        "/proc/self/environ",
        "~/.ssh/id_rsa",
        `${root}-evil/flow.ts`,
        `../${Path.basename(root)}-evil/flow.ts`
      ]
      for (const path of outer) {
        const { kind, message } = yield* refused(Places.file(allowed, path))
        assert.strictEqual(kind, "PathRefused", path)
        assert.include(message, "outside of what this server allows", path)
      }
      for (const path of ["dangling.ts", "", "a\0b", "x".repeat(5_000)]) {
        assert.strictEqual((yield* refused(Places.file(allowed, path))).kind, "PathRefused", path.slice(0, 20))
      }
      for (
        const path of ["none.ts", "pipe.ts", "a", "..%2fsecret.txt", "....//secret.txt", "C:\\secret", "A/FLOW.ts"]
      ) {
        assert.strictEqual((yield* refused(Places.file(allowed, path))).kind, "NotFound", path)
      }
      Fs.rmSync(`${root}-evil`, { recursive: true })
    }))

  it.effect("may be new, and then lie in a root without a link on the way out of it (MC-6)", () =>
    Effect.gen(function*() {
      const { allowed, outside, root } = place({ "there.ts": "x" })
      Fs.symlinkSync(outside, Path.join(root, "out"))
      Fs.symlinkSync(Path.join(root, "there.ts"), Path.join(root, "link.ts"))
      Fs.symlinkSync(Path.join(outside, "new.ts"), Path.join(root, "dangling.ts"))
      const at = (path: string, more: { readonly root?: string; readonly allowAbsolute?: boolean } = {}) =>
        Places.newFile(allowed, { path, root: more.root, allowAbsolute: more.allowAbsolute ?? false })
      assert.strictEqual(yield* at("new/flow.ts"), Path.join(root, "new/flow.ts"))
      assert.strictEqual(yield* at("there.ts"), Path.join(root, "there.ts"))
      assert.strictEqual(
        yield* at(Path.join(root, "flow.ts"), { allowAbsolute: true }),
        Path.join(root, "flow.ts")
      )
      assert.isFalse(Fs.existsSync(Path.join(root, "new")), "looking makes nothing")
      assert.include((yield* refused(at(Path.join(root, "flow.ts")))).message, "absolute path")
      for (const path of ["../x.ts", "out/x.ts", "link.ts", "dangling.ts", "out/home/new/x.ts"]) {
        assert.strictEqual((yield* refused(at(path))).kind, "PathRefused", path)
      }
      assert.strictEqual((yield* refused(at(Path.join(outside, "x.ts"), { allowAbsolute: true }))).kind, "PathRefused")
      assert.strictEqual((yield* refused(at("x.ts", { root: outside }))).kind, "PathRefused")
      assert.strictEqual((yield* refused(at("../x.ts", { root: Path.join(root, "new") }))).kind, "PathRefused")
    }))
})

describe("the homes a client may name", () => {
  it.effect("lie in a root or are allowed, and are no crafted ones (MC-5)", () =>
    Effect.gen(function*() {
      const extra = directoryWith({})
      const { allowed, outside, root } = place({ "real/workflow.sqlite": "x" }, { homes: [extra] })
      Fs.mkdirSync(Path.join(root, "crafted"))
      Fs.symlinkSync(Path.join(outside, "home/workflow.sqlite"), Path.join(root, "crafted/workflow.sqlite"))
      Fs.mkdirSync(Path.join(root, "linked"))
      Fs.symlinkSync("/", Path.join(root, "linked/runs"))
      Fs.mkdirSync(Path.join(root, "piped"))
      execFileSync("mkfifo", [Path.join(root, "piped/workflow.sqlite")])
      Fs.symlinkSync(Path.join(outside, "home"), Path.join(root, "away"))
      assert.strictEqual(yield* Places.home(allowed, undefined), extra)
      assert.strictEqual(yield* Places.home(allowed, extra), extra)
      assert.strictEqual(yield* Places.home(allowed, "real"), Path.join(root, "real"))
      assert.strictEqual(yield* Places.home(allowed, "new/home"), Path.join(root, "new/home"))
      assert.isFalse(Fs.existsSync(Path.join(root, "new")), "looking makes nothing")
      for (const home of ["/", Path.join(outside, "home"), "../x", "away", "crafted", "linked", "piped", "a\0b", "~"]) {
        assert.strictEqual((yield* refused(Places.home(allowed, home))).kind, "PathRefused", home)
      }
    }))

  it.effect("are not a repository's link to somewhere else (MC-5)", () =>
    Effect.gen(function*() {
      const outside = directoryWith({ "home/workflow.sqlite": "x" })
      const root = directoryWith({})
      Fs.symlinkSync(Path.join(outside, "home"), Path.join(root, ".workflows"))
      const allowed = yield* Places.allow({ roots: [], homes: [] }, root, undefined)
      assert.strictEqual((yield* refused(Places.home(allowed, undefined))).kind, "PathRefused")
      const { kind } = yield* refused(Places.allow({ roots: ["none"], homes: [] }, root, undefined))
      assert.strictEqual(kind, "UsageError")
    }))
})

describe("the files of a run", () => {
  const whole = { offset: 0, maxBytes: 1_000 }

  it.effect("are read from its directory and from nowhere else (MC-4)", () =>
    Effect.gen(function*() {
      const outside = directoryWith({ "secret.txt": "canary" })
      const root = directoryWith({
        "runs/abc/output.json": "1",
        "runs/abc/calls/c1/prompt.txt": "ask",
        "runs/abc-evil/output.json": "canary"
      })
      const run = Path.join(root, "runs/abc")
      Fs.symlinkSync(Path.join(outside, "secret.txt"), Path.join(run, "link.txt"))
      Fs.symlinkSync(outside, Path.join(run, "out"))
      Fs.symlinkSync(Path.join(run, "calls"), Path.join(run, "inner"))
      Fs.symlinkSync("nowhere", Path.join(run, "dangling"))
      Fs.linkSync(Path.join(outside, "secret.txt"), Path.join(run, "hard.txt"))
      execFileSync("mkfifo", [Path.join(run, "pipe")])
      assert.strictEqual((yield* Places.read(run, "output.json", whole)).content, "1")
      assert.strictEqual((yield* Places.read(run, "calls/c1/prompt.txt", whole)).content, "ask")
      const escapes = [
        "../abc-evil/output.json",
        "../../runs/abc/output.json".replace("abc", "abc-evil"),
        "..",
        ".",
        Path.join(run, "output.json"),
        "/etc/passwd",
        "/proc/self/environ",
        "link.txt",
        "out/secret.txt",
        "inner/c1/prompt.txt",
        "dangling",
        "hard.txt",
        "a\0b",
        "",
        "C:\\x",
        "\\\\?\\C:\\x"
      ]
      for (const path of escapes) {
        const { kind, message } = yield* refused(Places.read(run, path, whole))
        assert.strictEqual(kind, "PathRefused", path)
        assert.notInclude(message, "canary")
      }
      for (const path of ["none.txt", "..%2fx", "....//output.json", "calls", "pipe", "OUTPUT.json"]) {
        assert.strictEqual((yield* refused(Places.read(run, path, whole))).kind, "NotFound", path)
      }
    }))

  it.effect("are not those of a directory that a crafted home links to (MC-5)", () =>
    Effect.gen(function*() {
      const outside = directoryWith({ "secret.txt": "canary" })
      const home = directoryWith({ "runs/abc/output.json": "1" })
      Fs.symlinkSync(outside, Path.join(home, "runs/evil"))
      assert.strictEqual(
        (yield* refused(Places.read(Path.join(home, "runs/evil"), "secret.txt", whole))).kind,
        "PathRefused"
      )
      const crafted = Path.join(home, "crafted")
      Fs.mkdirSync(crafted)
      Fs.symlinkSync(Path.join(home, "runs"), Path.join(crafted, "runs"))
      assert.strictEqual(
        (yield* refused(Places.read(Path.join(crafted, "runs/abc"), "output.json", whole))).kind,
        "PathRefused"
      )
    }))

  it.effect("come in pieces that are the file again, whatever their size (MC-12)", () => {
    const run = directoryWith({})
    const file = Path.join(run, "text.txt")
    return Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.string({ unit: "grapheme", maxLength: 60 }),
          FastCheck.integer({ min: 4, max: 9 }),
          async (text, maxBytes) => {
            Fs.writeFileSync(file, text)
            let read = ""
            for (let offset = 0;;) {
              const piece = await Effect.runPromise(Places.read(run, "text.txt", { offset, maxBytes }))
              assert.isAtMost(piece.returnedBytes, maxBytes)
              read += piece.content
              offset += piece.returnedBytes
              if (offset >= piece.sizeBytes) break
              assert.isAbove(piece.returnedBytes, 0)
            }
            assert.strictEqual(read, text)
          }
        ),
        { numRuns: 200 }
      )
    )
  })
})
