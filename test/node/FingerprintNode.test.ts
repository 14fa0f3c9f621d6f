import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Fingerprint } from "open-agent-workflows/cache/Fingerprint"
import * as FingerprintNode from "open-agent-workflows/node/FingerprintNode"
import { directoryWith } from "../lib/node.ts"

const of = <A, E>(cwd: string, use: (service: Fingerprint["Type"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(Fingerprint, use).pipe(Effect.provide(FingerprintNode.layer({ cwd })))

const files = (cwd: string, ...paths: ReadonlyArray<string>) => of(cwd, (service) => service.files(paths))
const repository = (cwd: string) => of(cwd, (service) => service.repository)

/** Digests before and after a change, made to a directory of its own. */
const around = (
  given: Readonly<Record<string, string>>,
  paths: ReadonlyArray<string>,
  change: (root: string) => void
) =>
  Effect.gen(function*() {
    const root = directoryWith(given)
    const before = yield* files(root, ...paths)
    assert.match(before, /^[0-9a-f]{64}$/)
    assert.strictEqual(yield* files(root, ...paths), before, "nothing changed yet")
    change(root)
    return (yield* files(root, ...paths)) !== before
  })

const write = (path: string, text: string) => (root: string) => Fs.writeFileSync(Path.join(root, path), text)
const docs = { "docs/a.md": "a", "docs/deep/b.md": "b", "src/x.ts": "x" }

describe("the digest of files changes when", () => {
  const changes: ReadonlyArray<readonly [string, (root: string) => void]> = [
    ["a file's content does", write("docs/a.md", "A")],
    ["a file deep below does", write("docs/deep/b.md", "")],
    ["a file is added", write("docs/new.md", "")],
    ["a file is removed", (root) => Fs.rmSync(Path.join(root, "docs/a.md"))],
    ["a file is renamed", (root) => Fs.renameSync(Path.join(root, "docs/a.md"), Path.join(root, "docs/c.md"))],
    ["a hidden file is added", write("docs/.hidden", "")],
    ["a file becomes a directory", (root) => {
      Fs.rmSync(Path.join(root, "docs/a.md"))
      Fs.mkdirSync(Path.join(root, "docs/a.md"))
    }],
    ["the directory goes", (root) => Fs.rmSync(Path.join(root, "docs"), { recursive: true })],
    ["two files swap their contents", (root) => {
      write("docs/a.md", "b")(root)
      write("docs/deep/b.md", "a")(root)
    }]
  ]

  it.effect.each(changes)("%s", ([, change]) =>
    Effect.gen(function*() {
      for (const paths of [["docs"], ["docs/"], ["./docs"], ["docs/**/*.md"], ["*"], ["."], ["src", "docs"]]) {
        assert.isTrue(yield* around(docs, paths, change), paths.join(" "))
      }
    }))

  it.effect("a file that was not there appears, and the other way round", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* around(docs, ["docs/later.md"], write("docs/later.md", "")))
      assert.isTrue(yield* around(docs, ["later"], (root) => Fs.mkdirSync(Path.join(root, "later"))))
    }))

  it.effect("what any kind of pattern matches does", () =>
    Effect.gen(function*() {
      const patterns = [
        "docs/*.md",
        "docs/?.md",
        "docs/[a].md",
        "docs/{a,b}.md",
        "do*/a.md",
        "docs/@(a|b).md",
        "+(docs)/a.md"
      ]
      for (const pattern of patterns) {
        assert.isTrue(yield* around(docs, [pattern], write("docs/a.md", "A")), pattern)
      }
    }))

  it.effect("something hidden below a hidden directory does", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* around({ "docs/.github/x": "1" }, ["docs"], write("docs/.github/x", "2")))
    }))
})

describe("the digest of files does not change when", () => {
  it.effect("something else does", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* around(docs, ["docs"], write("src/x.ts", "y")))
      assert.isFalse(yield* around(docs, ["docs/a.md"], write("docs/deep/b.md", "y")))
    }))

  it.effect("a file is only written again", () =>
    Effect.gen(function*() {
      assert.isFalse(
        yield* around(docs, ["docs"], (root) => {
          write("docs/a.md", "a")(root)
          Fs.utimesSync(Path.join(root, "docs/a.md"), 1, 1)
        })
      )
    }))

  it.effect("the record of runs, git's own files or installed packages do", () =>
    Effect.gen(function*() {
      const given = { "x": "", ".workflows/a": "", ".git/a": "", "node_modules/p/a": "" }
      for (const path of [".workflows/a", ".git/a", "node_modules/p/a"]) {
        assert.isFalse(yield* around(given, ["."], write(path, "new")), path)
      }
      assert.isTrue(yield* around(given, ["node_modules/p"], write("node_modules/p/a", "new")), "unless asked for")
    }))

  it.effect("the paths are given in another order", () =>
    Effect.gen(function*() {
      const root = directoryWith(docs)
      assert.strictEqual(yield* files(root, "docs", "src", "none"), yield* files(root, "none", "src", "docs"))
      assert.notStrictEqual(yield* files(root, "docs"), yield* files(root, "docs", "src"))
    }))

  it.effect("the whole directory is somewhere else", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* files(directoryWith(docs), "docs"), yield* files(directoryWith(docs), "docs"))
    }))
})

describe("a link", () => {
  const link = (target: string, path: string) => (root: string) => {
    Fs.rmSync(Path.join(root, path), { force: true })
    Fs.symlinkSync(target, Path.join(root, path))
  }

  it.effect("is told from a file and from a link to something else", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* around({ "docs/a": "1", "docs/b": "1" }, ["docs"], link("a", "docs/b")))
      const root = directoryWith({ "docs/a": "1", "docs/b": "1" })
      link("a", "docs/l")(root)
      const before = yield* files(root, "docs")
      link("b", "docs/l")(root)
      assert.notStrictEqual(yield* files(root, "docs"), before)
    }))

  it.effect("is read through: what it leads to is part of what is read", () =>
    Effect.gen(function*() {
      for (const paths of [["docs"], ["docs/link"], ["docs/link/**"]]) {
        const root = directoryWith({ "real/deep/a": "1", "docs/x": "" })
        link("../real", "docs/link")(root)
        const before = yield* files(root, ...paths)
        write("real/deep/a", "2")(root)
        assert.notStrictEqual(yield* files(root, ...paths), before, paths.join())
      }
    }))

  it.effect("to itself or above itself ends", () =>
    Effect.gen(function*() {
      const root = directoryWith({ "docs/a": "1" })
      link("..", "docs/up")(root)
      link(".", "docs/self")(root)
      const before = yield* files(root, "docs")
      write("docs/a", "2")(root)
      assert.notStrictEqual(yield* files(root, "docs"), before)
    }))

  it.effect("that leads nowhere is not unknown, and changes when it leads somewhere", () =>
    Effect.gen(function*() {
      const root = directoryWith({ "docs/a": "1" })
      link("nowhere", "docs/l")(root)
      const before = yield* files(root, "docs")
      write("docs/nowhere", "")(root)
      assert.notStrictEqual(yield* files(root, "docs"), before)
    }))
})

describe("the digest of files is unknown when", () => {
  const detail = (cwd: string, ...paths: ReadonlyArray<string>) => Effect.flip(files(cwd, ...paths))

  it.effect("a path cannot be looked at", () =>
    Effect.gen(function*() {
      const root = directoryWith({ x: "" })
      Fs.symlinkSync("loop", Path.join(root, "loop"))
      assert.deepInclude(yield* detail(root, "loop/x"), { _tag: "FingerprintUnknown" })
    }))

  it.effect("a file's name cannot be read", () =>
    Effect.gen(function*() {
      const root = directoryWith({ x: "" })
      Fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), "1")
      assert.deepInclude(yield* detail(root, "."), { _tag: "FingerprintUnknown" })
    }))

  it.effect("there are too many", () =>
    Effect.gen(function*() {
      const root = directoryWith({ "many/0": "" })
      for (let i = 1; i <= 20_000; i++) Fs.linkSync(Path.join(root, "many/0"), Path.join(root, `many/${i}`))
      assert.include((yield* detail(root, "many")).message, "more than 20000 files")
      Fs.rmSync(Path.join(root, "many/20000"))
      assert.match(yield* files(root, "many"), /^[0-9a-f]{64}$/)
    }), 30_000)
})

const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd, stdio: "pipe" })

const committed = (given: Readonly<Record<string, string>>) => {
  const root = directoryWith(given)
  git(root, "init", "-q")
  git(root, "add", "-A")
  git(root, "commit", "-q", "-m", "one")
  return root
}

describe("the digest of a repository", () => {
  const changes: ReadonlyArray<readonly [string, (root: string) => void]> = [
    ["a file is changed", write("a", "2")],
    ["a changed file is staged", (root) => {
      write("a", "2")(root)
      git(root, "add", "a")
    }],
    ["a file is removed", (root) => Fs.rmSync(Path.join(root, "a"))],
    ["a file is made that git does not know", write("new", "")],
    ["one is made whose name is hard to write", write("a \"b\"\n-> c\t\u00e9", "")],
    ["a commit is made, with nothing in it", (root) => git(root, "commit", "-q", "--allow-empty", "-m", "two")]
  ]

  it.effect.each(changes)("changes when %s", ([, change]) =>
    Effect.gen(function*() {
      const root = committed({ a: "1", "deep/b": "1" })
      const before = yield* repository(root)
      const below = yield* repository(Path.join(root, "deep"))
      assert.strictEqual(yield* repository(root), before, "nothing changed yet")
      change(root)
      const after = yield* repository(root)
      assert.notStrictEqual(after, before)
      assert.strictEqual(yield* repository(root), after)
      assert.notStrictEqual(
        yield* repository(Path.join(root, "deep")),
        below,
        "it is the whole repository's everywhere"
      )
    }))

  it.effect("tells one uncommitted content from another", () =>
    Effect.gen(function*() {
      const root = committed({ a: "1" })
      for (const path of ["a", "new", "deep \u00e9"]) {
        write(path, "2")(root)
        const before = yield* repository(root)
        write(path, "3")(root)
        assert.notStrictEqual(yield* repository(root), before, path)
      }
    }))

  it.effect("tells the directories an agent may be at work in, as the same names are other files there", () =>
    Effect.gen(function*() {
      const root = committed({ "a/README.md": "1", "b/README.md": "2" })
      const all = yield* Effect.forEach([root, Path.join(root, "a"), Path.join(root, "b")], repository)
      assert.strictEqual(new Set(all).size, 3)
      Fs.symlinkSync(Path.join(root, "a"), `${root}-link`)
      assert.strictEqual(yield* repository(`${root}-link`), all[1])
      Fs.rmSync(`${root}-link`)
    }))

  it.effect("is that of the commit again when a change is taken back", () =>
    Effect.gen(function*() {
      const root = committed({ a: "1" })
      const before = yield* repository(root)
      write("a", "2")(root)
      write("a", "1")(root)
      assert.strictEqual(yield* repository(root), before)
    }))

  it.effect("exists before the first commit", () =>
    Effect.gen(function*() {
      const root = directoryWith({ a: "1" })
      git(root, "init", "-q")
      const before = yield* repository(root)
      write("a", "2")(root)
      assert.notStrictEqual(yield* repository(root), before)
    }))

  it.effect("is unknown outside of one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(repository(directoryWith({ a: "1" })))
      assert.deepInclude(error, { _tag: "FingerprintUnknown" })
      assert.deepInclude(yield* Effect.flip(repository("/nowhere/at/all")), { _tag: "FingerprintUnknown" })
    }))

  it.effect("is made without running anything of the repository, and without a lock", () =>
    Effect.gen(function*() {
      const root = committed({ a: "1" })
      const trap = Path.join(root, ".git/trap")
      Fs.writeFileSync(trap, `#!/bin/sh\ntouch "${root}/.git/sprung"\n`, { mode: 0o755 })
      for (const hook of ["post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction"]) {
        Fs.mkdirSync(Path.join(root, ".git/hooks"), { recursive: true })
        Fs.copyFileSync(trap, Path.join(root, ".git/hooks", hook))
      }
      git(root, "config", "core.fsmonitor", trap)
      // makes the index out of date, which git would write down if it could take the lock
      Fs.utimesSync(Path.join(root, "a"), 1, 1)
      Fs.writeFileSync(Path.join(root, ".git/index.lock"), "")
      assert.match(yield* repository(root), /^[0-9a-f]{64}$/)
      assert.isFalse(Fs.existsSync(Path.join(root, ".git/sprung")))
      Fs.rmSync(Path.join(root, ".git/index.lock"))
      git(root, "status")
      assert.isTrue(Fs.existsSync(Path.join(root, ".git/sprung")), "the trap works")
    }))

  it.effect("is not led to another repository by the environment", () =>
    Effect.gen(function*() {
      const root = committed({ a: "1" })
      const other = committed({ b: "1" })
      const before = yield* repository(root)
      const led = Effect.acquireUseRelease(
        Effect.sync(() => Object.assign(process.env, { GIT_DIR: Path.join(other, ".git"), GIT_WORK_TREE: other })),
        () => repository(root),
        () =>
          Effect.sync(() => {
            delete process.env["GIT_DIR"]
            delete process.env["GIT_WORK_TREE"]
          })
      )
      assert.strictEqual(yield* led, before)
    }))
})
