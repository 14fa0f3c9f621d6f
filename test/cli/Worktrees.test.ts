import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { agent, Owf, parallel, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { contentOf, git, repositoryWith } from "../lib/repository.ts"
import { inProcess, normal, transcript } from "./owf.ts"

/** A repository in which a run left one tree with a change, one with a conflict, one with nothing, and a change in place. */
const worked = async (): Promise<string> => {
  const cwd = repositoryWith({ "a.txt": "a\n", "src/b.txt": "b\n", ".gitignore": ".workflows/\n*.log\n" })
  const provider = Scripted.make((request) => {
    const directory = request.cwd ?? cwd
    if (request.prompt === "add") Fs.writeFileSync(Path.join(directory, "new.txt"), "new\n")
    if (request.prompt === "change") Fs.writeFileSync(Path.join(directory, "a.txt"), "changed\n")
    if (request.prompt === "log") Fs.writeFileSync(Path.join(directory, "run.log"), "log\n")
    if (request.prompt === "place") Fs.writeFileSync(Path.join(directory, "src/b.txt"), "in place\n")
    return Scripted.answer("done")
  })
  const workflow = Workflow.make({ name: "work" }, () =>
    Effect.zipRight(
      parallel(
        ["add", "change", "nothing", "log"].map((prompt) => agent(prompt, { label: prompt, isolation: "worktree" })),
        { concurrency: 1 }
      ),
      agent("place", { label: "place", writeScope: ["src"] })
    ))
  const layer = Owf.layer({ cwd, provider: provider.name, providers: [provider], environment: {} })
  await Effect.runPromise(Effect.provide(Workflow.start(workflow, {}), layer))
  git(cwd, "commit", "--quiet", "--all", "--message=what was done in place")
  return cwd
}

const shown = (directory: string, words: ReadonlyArray<string>, ran: Parameters<typeof transcript>[2]) =>
  transcript(Fs.realpathSync(directory), words, ran).replaceAll(/\b[0-9a-f]{40}\b/g, "<commit>")
    .replaceAll(/\b\d+(?:\.\d+)? (?:B|KiB|MiB)\b/g, "<size>").replaceAll(/("(?:freed_)?bytes": )\d+/g, "$1\"<size>\"")
    .replaceAll(/  +/g, "  ")

describe("the commands about worktrees", () => {
  it("list, show, apply and clean what calls left", async () => {
    const cwd = await worked()
    const texts = []
    for (
      const words of [
        ["worktrees"],
        ["worktrees", "list", "latest", "--json"],
        ["diff", "latest_call_0001"],
        ["diff", "latest_call_0001", "--json"],
        ["diff", "latest_call_0003"],
        ["diff", "latest_call_0004"],
        ["diff", "latest_call_0005"],
        ["apply", "latest_call_0001"],
        ["apply", "latest_call_0001"],
        ["apply", "latest_call_0003"],
        ["apply", "latest_call_0005"],
        ["apply", "latest_call_0002", "--branch", "nowhere"],
        ["gc"],
        ["gc", "--older-than", "0m"],
        ["gc", "--older-than", "soon"],
        ["worktrees", "list", "one", "two"]
      ]
    ) {
      texts.push(shown(cwd, words, await inProcess(cwd, ...words)))
    }
    await expect(texts.join("\n")).toMatchFileSnapshot("../golden/cli/worktrees.txt")
    assert.strictEqual(git(cwd, "status", "--porcelain"), "A  new.txt")
  })

  it("apply a call to a branch that is not checked out, and refuse where it conflicts, changing nothing", async () => {
    const cwd = await worked()
    git(cwd, "branch", "agents")
    const applied = await inProcess(cwd, "apply", "latest_call_0002", "--branch", "agents", "--json")
    assert.strictEqual(applied.code, 0)
    assert.deepInclude(JSON.parse(applied.stdout), { applied: "commit", branch: "agents", files: ["a.txt"] })
    assert.strictEqual(git(cwd, "show", "agents:a.txt"), "changed")
    assert.include(git(cwd, "log", "-1", "--format=%B", "agents"), "change")

    Fs.writeFileSync(Path.join(cwd, "a.txt"), "mine\n")
    const before = contentOf(cwd, (path) => path.startsWith(".git/") || path.startsWith(".workflows/"))
    const dirty = await inProcess(cwd, "apply", "latest_call_0002")
    assert.deepStrictEqual([dirty.code, dirty.stdout], [1, ""])
    assert.include(dirty.stderr, "a.txt")
    git(cwd, "commit", "--quiet", "--all", "--message=mine")
    const conflict = await inProcess(cwd, "apply", "latest_call_0002", "--json")
    assert.strictEqual(conflict.code, 1)
    assert.include(JSON.parse(conflict.stdout).error.message, "conflicts")
    assert.deepStrictEqual(
      contentOf(cwd, (path) => path.startsWith(".git/") || path.startsWith(".workflows/")),
      before
    )
    assert.strictEqual(git(cwd, "status", "--porcelain"), "")
  })

  it("clean away a run, once everything it left is held elsewhere", async () => {
    const cwd = await worked()
    const gc = async (...words: ReadonlyArray<string>) => {
      const ran = await inProcess(cwd, "gc", "--older-than", "0m", "--runs", "--json", ...words)
      assert.strictEqual(ran.code, 0, ran.stderr)
      return JSON.parse(ran.stdout) as {
        readonly items: ReadonlyArray<{ readonly kind: string; readonly removed: boolean; readonly why: string }>
      }
    }
    const runs = () => Fs.readdirSync(Path.join(cwd, ".workflows/runs"))
    const kinds = ({ items }: Awaited<ReturnType<typeof gc>>, removed: boolean) =>
      items.flatMap((item) => item.removed === removed ? [item.kind] : [])

    const [id] = runs()
    const planned = await gc()
    assert.include(kinds(planned, false), "run")
    assert.isTrue(planned.items.some(({ kind, removed }) => kind === "worktree" && removed))
    // nothing was done
    assert.lengthOf(Fs.readdirSync(Path.join(cwd, ".workflows/runs", id!, "worktrees")), 3)

    for (const n of [1, 2]) {
      assert.strictEqual((await inProcess(cwd, "apply", `latest_call_000${n}`)).code, 0)
      git(cwd, "commit", "--quiet", "--message=applied")
    }
    await gc("--apply")
    // commits of agents that nothing else holds, and an ignored file, keep the run
    assert.deepStrictEqual(runs(), [id])
    assert.strictEqual((await inProcess(cwd, "status", "latest")).code, 0)
    const unreachable = git(cwd, "fsck", "--unreachable", "--no-reflogs")
    assert.notInclude(unreachable, "unreachable commit")

    const all = await gc("--apply", "--discard", "all")
    assert.deepStrictEqual(kinds(all, false), [])
    assert.deepStrictEqual(runs(), [])
    assert.strictEqual(git(cwd, "for-each-ref", "refs/owf", "refs/heads/owf"), "")
    const none = await Effect.runPromise(
      Effect.provide(
        Effect.flatMap(RunStore.RunStore, (store) => store.runs({ children: true })),
        Owf.layerStore({ home: Path.join(cwd, ".workflows"), mode: "read" })
      )
    )
    assert.deepStrictEqual(none, [])
    assert.strictEqual(normal(cwd, git(cwd, "status", "--porcelain")), "")
  })

  it("never touch a run that is under way", async () => {
    const cwd = repositoryWith({ "a.txt": "a\n", ".gitignore": ".workflows/\n" })
    const provider = Scripted.make((request) => {
      Fs.writeFileSync(Path.join(request.cwd ?? cwd, "new.txt"), "new\n")
      return Scripted.answer("done")
    })
    const home = Path.join(cwd, ".workflows")
    let text = ""
    const workflow = Workflow.make({ name: "work" }, () =>
      Effect.zipRight(
        agent("add", { isolation: "worktree" }),
        Effect.promise(async () => {
          text = (await inProcess(cwd, "gc", "--older-than", "0m", "--runs", "--apply", "--discard", "all")).stdout
        })
      ))
    const layer = Owf.layer({ cwd, home, provider: provider.name, providers: [provider], environment: {} })
    await Effect.runPromise(Effect.provide(Workflow.start(workflow, {}), layer))
    assert.notInclude(text, "removed")
    assert.include(text, "not over")
    assert.include((await inProcess(cwd, "worktrees")).stdout, "  1 file changed  ")
  })
})
