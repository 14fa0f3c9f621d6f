import { assert, describe, it } from "@effect/vitest"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as ProcessTree from "../../../src/internal/subprocess/ProcessTree.ts"

const entry = (pid: number, parent: number, group: number, startedAt = `at ${pid}`): ProcessTree.Entry => ({
  pid,
  parent,
  group,
  startedAt,
  stopped: false
})

const tableOf = (...entries: ReadonlyArray<ProcessTree.Entry>): ProcessTree.Table =>
  new Map(entries.map((entry) => [entry.pid, entry]))

// ids above any that a process of this system can have
const leader = 90_000_000
const ids = (entries: ReadonlyArray<ProcessTree.Entry>) => entries.map(({ pid }) => pid - leader)

const treeOf = (state: { isReaped: boolean }): ProcessTree.Tree => {
  const tree = ProcessTree.make(leader, "a-1", () => state.isReaped)
  tree.known.set(leader, `at ${leader}`)
  return tree
}

describe("the processes of a program", () => {
  it("are its group and its descendants, also once their parents have ended", () => {
    const state = { isReaped: false }
    const tree = treeOf(state)
    const others = [entry(1, 0, 1), entry(leader - 1, 1, leader - 1), entry(leader + 9, leader - 1, leader - 1)]
    ProcessTree.note(
      tree,
      tableOf(
        ...others,
        entry(leader, 1, leader),
        entry(leader + 1, leader, leader + 1),
        entry(leader + 2, leader + 1, leader + 2),
        entry(leader + 3, leader, leader)
      )
    )
    state.isReaped = true
    const found = ProcessTree.members(
      tree,
      tableOf(
        ...others,
        entry(leader + 2, 1, leader + 2),
        entry(leader + 3, 1, leader),
        entry(leader + 4, 1, leader),
        entry(leader + 5, leader + 2, leader + 5)
      )
    )
    assert.sameMembers(ids(found), [2, 3, 4, 5])
  })

  it("are not those who have their ids after them", () => {
    const state = { isReaped: false }
    const tree = treeOf(state)
    ProcessTree.note(tree, tableOf(entry(leader, 1, leader), entry(leader + 1, leader, leader + 1)))
    state.isReaped = true
    const found = ProcessTree.members(
      tree,
      tableOf(
        // the leader's id, and so the group's, is somebody else's now
        entry(leader, 1, leader, "later"),
        entry(leader + 7, leader, leader, "later"),
        entry(leader + 1, 1, leader + 1, "later"),
        entry(leader + 8, leader + 1, leader + 1, "later")
      )
    )
    assert.deepStrictEqual(ids(found), [])
  })

  it("are never this process", () => {
    const tree = treeOf({ isReaped: false })
    const self = entry(process.pid, leader, leader)
    assert.deepStrictEqual(ProcessTree.members(tree, tableOf(entry(leader, 1, leader), self)).length, 1)
  })
})

describe("a signal", () => {
  it("does not reach a process that started at another time than was seen", async () => {
    const other = ChildProcess.spawn("sleep", ["60"], { detached: true, stdio: "ignore" })
    const pid = other.pid!
    try {
      const tree = treeOf({ isReaped: true })
      ProcessTree.signal(tree, [entry(pid, 1, pid, "earlier")], "SIGKILL")
      const startedAt = ProcessTree.startOf(pid)!
      ProcessTree.signal(tree, [entry(pid, 1, pid, startedAt)], "SIGTERM")
      await once(other, "exit")
      assert.strictEqual(other.signalCode, "SIGTERM")
    } finally {
      other.kill("SIGKILL")
    }
  })
})

describe("a mark", () => {
  it("is found among those around it, whole", () => {
    assert.isTrue(ProcessTree.hasMark("a-1", "a-1"))
    assert.isTrue(ProcessTree.hasMark("a-1/b-7", "a-1"))
    assert.isTrue(ProcessTree.hasMark("a-1/b-7", "b-7"))
    assert.isFalse(ProcessTree.hasMark("a-12/b-7", "a-1"))
    assert.isFalse(ProcessTree.hasMark("", "a-1"))
  })
})

describe("the list of ps", () => {
  it("is a table of the processes that have not ended", () => {
    const table = ProcessTree.parsePs([
      "    1     0     1 Ss   Sat Nov 21 00:46:12 2026",
      "  612     1   612 Ts   Sat Nov 21 01:02:03 2026",
      "12345   612   612 Z+   Sat Nov 21 01:02:04 2026",
      "99999 12345   612 S+   Sat Nov  1 01:02:05 2026    ",
      ""
    ].join("\n"))
    assert.deepStrictEqual([...table.values()], [
      { pid: 1, parent: 0, group: 1, startedAt: "Sat Nov 21 00:46:12 2026", stopped: false },
      { pid: 612, parent: 1, group: 612, startedAt: "Sat Nov 21 01:02:03 2026", stopped: true },
      { pid: 99999, parent: 12345, group: 612, startedAt: "Sat Nov  1 01:02:05 2026", stopped: false }
    ])
  })

  it("agrees with what the system says of this process", () => {
    const text = ChildProcess.spawnSync("ps", ["-axo", "pid=,ppid=,pgid=,stat=,lstart="], { encoding: "latin1" }).stdout
    const listed = ProcessTree.parsePs(text).get(process.pid)
    const seen = ProcessTree.table().get(process.pid)
    assert.isDefined(listed)
    assert.deepInclude(listed!, { pid: process.pid, parent: process.ppid, group: seen!.group })
    assert.strictEqual(seen?.parent, process.ppid)
  })
})
