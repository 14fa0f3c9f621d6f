/**
 * `owf gc`: removes what runs left and nothing needs any more, or says what it would remove.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import type { LeftView } from "../TreeView.ts"
import * as Usage from "../UsageError.ts"
import { reading } from "./shared.ts"

/**
 * Removes what runs left and nothing needs any more, or says what it would remove.
 * @category constructors
 * @since 0.1.0
 */
export const gc = Spec.make({
  name: "gc",
  summary: "Remove what runs left and nothing needs any more",
  details:
    "A worktree goes only when everything in it is held by a commit that stays, a branch only when all of its commits are " +
    "reachable from somewhere else. Runs under way are never touched. What is in doubt stays, with the reason. Without " +
    "--apply nothing is changed.",
  examples: ["owf gc", "owf gc --older-than 7d --apply", "owf gc --runs --apply"],
  flags: {
    olderThan: Flag.text("older-than", "SPAN", "Only what ended longer ago (12h, 7d, 4w; default: 30d)"),
    runs: Flag.flag("runs", "Remove records and files of runs too, where nothing of them stays"),
    discard: Flag.choice(
      "discard",
      "Give up what nothing else holds: ignored files, commits, or all of it",
      ["ignored", "commits", "all"],
      "WHAT"
    ),
    apply: Flag.flag("apply", "Remove it"),
    ...reading
  }
}, ({ apply, discard, home, json, olderThan = "30d", runs }) =>
  Effect.gen(function*() {
    const host = yield* Host
    const olderThanMs = yield* spanOf(olderThan)
    const left = yield* host.trees.gc(host.home(home), {
      olderThanMs,
      runs,
      discard: discard === undefined ? [] : discard === "all" ? ["ignored", "commits"] : [discard],
      apply
    })
    const bytes = left.reduce((sum, item) => sum + (item.removed ? item.bytes ?? 0 : 0), 0)
    if (json) return yield* printJson({ applied: apply, freed_bytes: bytes, items: left })
    if (left.length === 0) return yield* note("Runs have left nothing to remove.")
    yield* print(
      Format.table([["", "what", "name", "size", "why"], ...left.map((item) => row(item, apply, host.shown))])
    )
    const removed = left.filter((item) => item.removed).length
    yield* note(
      removed === 0
        ? "Nothing of it can be removed."
        : apply
        ? `Removed ${removed}, which freed ${sizeOf(bytes)}.`
        : `${removed} would be removed, which frees ${sizeOf(bytes)}; --apply removes ${removed === 1 ? "it" : "them"}.`
    )
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const row = (item: LeftView, isDone: boolean, shown: (path: string) => string): ReadonlyArray<string> => [
  item.removed ? isDone ? "removed" : "remove" : "keep",
  item.kind,
  item.kind === "worktree" || item.kind === "directory" ? shown(item.name) : item.name,
  item.bytes === null ? "-" : sizeOf(item.bytes),
  `${Format.clip(item.why, 120)}${item.discard === null ? "" : `; ${waysOut[item.discard]}`}`
]

const waysOut: Readonly<Record<NonNullable<LeftView["discard"]>, string>> = {
  commits: "merge first, or --discard commits",
  ignored: "--discard ignored gives them up"
}

const sizeOf = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`
}

const spanOf = (text: string): Effect.Effect<number, Usage.UsageError> => {
  const span = /^(\d{1,6})([mhdw])$/.exec(text)
  return span === null
    ? Effect.fail(Usage.make(
      `--older-than is '${Format.clip(text, 80)}'; it has to be a number of minutes, hours, days or weeks.`,
      "Write --older-than 7d."
    ))
    : Effect.succeed(Number(span[1]) * Duration.toMillis(units[span[2] ?? ""] ?? Duration.zero))
}

const units: Readonly<Record<string, Duration.Duration>> = {
  m: Duration.minutes(1),
  h: Duration.hours(1),
  d: Duration.days(1),
  w: Duration.weeks(1)
}
