import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parse } from "../../../src/report/viewer/Patch.ts"
import type { FilePatch } from "../../../src/report/viewer/Patch.ts"
import { directoryWith } from "../../lib/node.ts"

/** What git says about the difference between two sets of files. */
const gitDiff = (
  before: Readonly<Record<string, string>>,
  after: (directory: string, write: (name: string, text: string) => void) => void,
  ...options: ReadonlyArray<string>
): string => {
  const directory = directoryWith(before)
  const git = (...parameters: ReadonlyArray<string>): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.autocrlf=false", ...parameters], {
      cwd: directory,
      encoding: "utf8"
    })
  git("init", "-q")
  git("add", "-A")
  git("commit", "-q", "-m", "before")
  after(directory, (name, text) => Fs.writeFileSync(Path.join(directory, name), text))
  git("add", "-A")
  return git("diff", "--cached", "-M", ...options)
}

const removed = (file: FilePatch | undefined): ReadonlyArray<string> =>
  file?.hunks.flatMap(({ rows }) => rows.flatMap(({ left }) => left?.kind === "removed" ? [left.text] : [])) ?? []

const added = (file: FilePatch | undefined): ReadonlyArray<string> =>
  file?.hunks.flatMap(({ rows }) => rows.flatMap(({ right }) => right?.kind === "added" ? [right.text] : [])) ?? []

describe("a patch as git writes it", () => {
  it("is read into files with what became of them", () => {
    const patch = gitDiff(
      { "a.txt": "one\ntwo\nthree\n", "gone.txt": "bye\n", "old name.txt": "same\nlines\nhere\n" },
      (directory, write) => {
        write("a.txt", "one\nTWO\nthree\n")
        write("new.txt", "hello\n")
        Fs.rmSync(Path.join(directory, "gone.txt"))
        Fs.renameSync(Path.join(directory, "old name.txt"), Path.join(directory, "new name.txt"))
      }
    )
    assert.deepStrictEqual(
      parse(patch).map(({ added, from, kind, path, removed }) => ({ path, from, kind, added, removed })),
      [
        { path: "a.txt", from: null, kind: "modified", added: 1, removed: 1 },
        { path: "gone.txt", from: null, kind: "deleted", added: 0, removed: 1 },
        { path: "new name.txt", from: "old name.txt", kind: "renamed", added: 0, removed: 0 },
        { path: "new.txt", from: null, kind: "added", added: 1, removed: 0 }
      ]
    )
  })

  it("tells lines that look like headers from headers", () => {
    const before = "-- a/fake\n++ b/fake\n@@ -1 +1 @@\ndiff --git a/x b/x\nkept\n"
    const [file, ...others] = parse(gitDiff({ "a.sql": before }, (_, write) => write("a.sql", "kept\n")))
    assert.deepStrictEqual(removed(file), ["-- a/fake", "++ b/fake", "@@ -1 +1 @@", "diff --git a/x b/x"])
    assert.deepStrictEqual(others, [])
    assert.strictEqual(file?.path, "a.sql")
  })

  it("reads names that git quotes", () => {
    const names = ["grüße.txt", "tab\there.txt", "quote\"d.txt", "back\\slash.txt", "new\nline.txt"]
    const patch = gitDiff({ "z.txt": "" }, (_, write) => names.forEach((name) => write(name, "text\n")))
    assert.sameMembers(parse(patch).map(({ path }) => path), names)
  })

  it("numbers the lines of both sides and puts a changed line beside what it was", () => {
    const lines = Array.from({ length: 40 }, (_, at) => `line ${at + 1}`)
    const changed = lines.with(4, "line five").toSpliced(30, 1)
    const [file] = parse(gitDiff({ "a.txt": lines.join("\n") }, (_, write) => write("a.txt", changed.join("\n"))))
    assert.strictEqual(file?.hunks.length, 2)
    const row = file?.hunks[0]?.rows.find(({ left }) => left?.kind === "removed")
    assert.deepInclude(row?.left, { number: 5, text: "line 5", changed: [5, 6] })
    assert.deepInclude(row?.right, { number: 5, text: "line five", changed: [5, 9] })
    const last = file?.hunks[1]?.rows.at(-1)
    assert.deepStrictEqual([last?.left?.number, last?.right?.number], [34, 33])
    assert.strictEqual(last?.left?.text, last?.right?.text)
  })

  it("says of binary files that they are", () => {
    const patch = gitDiff({ "a.bin": "\u0000a" }, (_, write) => write("a.bin", "\u0000b"))
    assert.deepInclude(parse(patch)[0], { path: "a.bin", isBinary: true, hunks: [] })
    const whole = gitDiff({ "b.bin": "\u0000a" }, (_, write) => write("b.bin", "\u0000b"), "--binary")
    assert.deepInclude(parse(whole)[0], { path: "b.bin", isBinary: true, hunks: [] })
  })

  it("reads a file without an end of line, an empty file, and one whose mode alone changed", () => {
    const patch = gitDiff({ "a.txt": "a", "run.sh": "x\n" }, (directory, write) => {
      write("a.txt", "b")
      write("empty.txt", "")
      Fs.chmodSync(Path.join(directory, "run.sh"), 0o755)
    })
    const files = new Map(parse(patch).map((file) => [file.path, file]))
    assert.deepStrictEqual([removed(files.get("a.txt")), added(files.get("a.txt"))], [["a"], ["b"]])
    assert.deepInclude(files.get("empty.txt"), { kind: "added", added: 0, hunks: [] })
    assert.deepInclude(files.get("run.sh"), { kind: "modified", hunks: [] })
  })

  it("is read as far as it goes when it was cut anywhere", () => {
    const patch = gitDiff(
      { "a.txt": "one\ntwo\nthree\n", "b.txt": "x\n" },
      (_, write) => {
        write("a.txt", "one\n2\nthree\nfour\n")
        write("b.txt", "y\n")
      }
    )
    for (let end = 0; end <= patch.length; end++) {
      const files = parse(patch.slice(0, end))
      assert.isAtMost(files.length, 2)
      assert.isAtMost(added(files[0]).length, 2)
    }
    assert.deepStrictEqual(parse("no patch at all\n@@ -1 +1 @@\n-a\n+b\n"), [])
  })
})
