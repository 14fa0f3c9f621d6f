import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Home from "open-agent-workflows/node/Home"
import { directoryWith } from "../lib/node.ts"

const project = () => directoryWith({ ".workflows/x": "", "a/b/c/file": "", "a/other/.workflows/x": "" })

describe("the home", () => {
  it("that is asked for wins over everything", () => {
    const root = project()
    assert.strictEqual(Home.resolve("/elsewhere", "/environment", root), "/elsewhere")
    assert.strictEqual(Home.resolve("mine", "/environment", root), Path.join(root, "mine"))
    assert.strictEqual(Home.resolve("../mine/./x", undefined, Path.join(root, "a")), Path.join(root, "mine/x"))
  })

  it("of the environment is next, relative to the working directory", () => {
    const root = project()
    assert.strictEqual(Home.resolve(undefined, "/environment", root), "/environment")
    assert.strictEqual(Home.resolve(undefined, "env", Path.join(root, "a")), Path.join(root, "a/env"))
  })

  it("is else the nearest one upwards", () => {
    const root = project()
    assert.strictEqual(Home.resolve(undefined, undefined, root), Path.join(root, ".workflows"))
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a/b/c")), Path.join(root, ".workflows"))
    assert.strictEqual(
      Home.resolve(undefined, undefined, Path.join(root, "a/other")),
      Path.join(root, "a/other/.workflows")
    )
  })

  it("is else a new one in the working directory", () => {
    const root = directoryWith({ "a/file": "" })
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a")), Path.join(root, "a/.workflows"))
  })

  it("may be below the user's own directory, written with a tilde", () => {
    assert.strictEqual(Home.resolve("~", undefined, "/x"), Os.homedir())
    assert.strictEqual(Home.resolve("~/runs", undefined, "/x"), Path.join(Os.homedir(), "runs"))
    assert.strictEqual(Home.resolve(undefined, "~/runs", "/x"), Path.join(Os.homedir(), "runs"))
    assert.strictEqual(Home.resolve("~runs", undefined, "/x"), "/x/~runs")
    assert.strictEqual(Home.resolve("a/~/b", undefined, "/x"), "/x/a/~/b")
  })

  it("is not a file that happens to be called like one", () => {
    const root = directoryWith({ ".workflows/x": "", "a/.workflows": "a file" })
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a")), Path.join(root, ".workflows"))
  })

  it("may be a link to a directory", () => {
    const root = directoryWith({ "real/x": "", "a/file": "" })
    Fs.symlinkSync("../real", Path.join(root, "a/.workflows"))
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a")), Path.join(root, "a/.workflows"))
  })

  it("is looked for above a link that leads nowhere", () => {
    const root = directoryWith({ ".workflows/x": "", "a/file": "" })
    Fs.symlinkSync("nowhere", Path.join(root, "a/.workflows"))
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a")), Path.join(root, ".workflows"))
    Fs.rmSync(Path.join(root, "a/.workflows"))
    Fs.symlinkSync(".workflows", Path.join(root, "a/.workflows"))
    assert.strictEqual(Home.resolve(undefined, undefined, Path.join(root, "a")), Path.join(root, ".workflows"))
  })

  it("that is empty was not asked for", () => {
    const root = project()
    assert.strictEqual(Home.resolve("", undefined, root), Path.join(root, ".workflows"))
    assert.strictEqual(Home.resolve(undefined, "", root), Path.join(root, ".workflows"))
    assert.strictEqual(Home.resolve("", "/environment", root), "/environment")
  })
})
