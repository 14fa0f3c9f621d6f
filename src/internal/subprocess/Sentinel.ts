/**
 * A shell that ends the programs of this process when this process dies without doing so.
 *
 * - N1. It learns of a program before the program is started, and forgets it only after everything of it has ended. One
 *   that takes the place of another is started with all that is left to guard, so there is no moment at which it is there
 *   and does not know.
 * - N2. It holds one end of a pipe whose other end only this process has: the pipe closes when this process ends, however
 *   it ends. With programs left it asks their groups, and on Linux all that carry their mark, to end, and ends them after
 *   a grace; with none left it just goes.
 * - N3. It has a session of its own and ignores what a terminal sends, so it outlives what it guards against.
 *
 * One sentinel guards all programs of a process: one more line in a pipe per program, where a sentinel for each would be
 * one more process for each.
 */
import * as ChildProcess from "node:child_process"
import type { Writable } from "node:stream"
import { SubprocessError } from "./Subprocess.ts"

/**
 * Guards programs.
 * @category models
 * @since 0.1.0
 */
export interface Sentinel {
  /** Announces a program; throws a `SubprocessError` when there is no shell to guard it. */
  readonly announce: (id: string) => void
  /** Says which group the announced program leads. */
  readonly started: (id: string, group: number, startedAt: string | undefined) => void
  /** Nothing is left of the program. */
  readonly forget: (id: string) => void
  /** Lets the shell go. */
  readonly close: () => void
}

/**
 * A sentinel whose shell is started when the first program is announced, and again should it be killed.
 *
 * `mark` is a part of every mark, `grace` the whole seconds between asking programs to end and ending them.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: { readonly mark: string; readonly grace: number }): Sentinel => {
  const words = new Map<string, string>()
  let shell: Shell | undefined
  const write = (line: string): void => void shell?.stdin.write(`${line}\n`)
  const start = (): void => {
    const started = spawn({ ...options, live: [...words.values()] })
    shell = started
    started.once("exit", () => {
      if (shell !== started) return
      shell = undefined
      if (words.size > 0) attempt(start)
    })
  }
  return {
    announce: (id) => {
      if (shell === undefined) start()
      words.set(id, `${id}::`)
      write(`+ ${id}`)
    },
    started: (id, group, startedAt) => {
      words.set(id, `${id}:${group}:${startedAt ?? ""}`)
      write(`+ ${id} ${group} ${startedAt ?? ""}`)
    },
    forget: (id) => {
      words.delete(id)
      write(`- ${id}`)
    },
    close: () => {
      const open = shell
      shell = undefined
      open?.stdin.end()
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Shell = ChildProcess.ChildProcessByStdio<Writable, null, null>

interface Start {
  readonly mark: string
  readonly grace: number
  /** Words of the programs there are. */
  readonly live: ReadonlyArray<string>
}

const spawn = ({ grace, live, mark }: Start): Shell => {
  const shell = ChildProcess.spawn("/bin/sh", ["-c", script, "owf-sentinel", mark, String(grace), live.join(" ")], {
    cwd: "/",
    detached: true,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    stdio: ["pipe", "ignore", "ignore"]
  })
  const nothing = () => undefined
  shell.on("error", nothing)
  shell.stdin.on("error", nothing)
  if (shell.pid === undefined) {
    const detail = "no shell could be started, without which programs would outlive this process"
    throw new SubprocessError({ program: "/bin/sh", reason: "Failed", detail })
  }
  shell.unref()
  // a pipe to a child is a socket, which keeps the event loop alive unless told not to
  if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref()
  return shell
}

const attempt = (body: () => void): void => {
  try {
    body()
  } catch {
    // the next program is refused with the reason
  }
}

/** POSIX shell; `live` has a word `id:group:start` per program, fields of /proc/PID/stat are counted after the name. */
const script = `
trap '' HUP INT QUIT TERM
mark=$1 grace=$2 live=$3
forget() {
  kept=
  for entry in $live; do
    case $entry in "$1":*) ;; *) kept="$kept $entry" ;; esac
  done
  live=$kept
}
stat() {
  set --
  { read -r line <"/proc/$pid/stat"; } 2>/dev/null || return 1
  set -- \${line##*) }
  group=$3
  shift 19
  start=$1
}
groups() {
  for entry in $live; do
    rest=\${entry#*:} pid=\${entry#*:} since=\${entry##*:}
    pid=\${rest%%:*}
    [ -n "$pid" ] || continue
    if [ -n "$since" ] && stat && [ "$start" != "$since" ]; then continue; fi
    kill -0 "-$pid" 2>/dev/null && echo "$pid"
  done
}
marked() {
  [ -r /proc/self/environ ] || return 0
  for path in $(grep -lsF -e "$mark" /proc/[0-9]*/environ); do
    pid=\${path#/proc/} pid=\${pid%/environ}
    stat || continue
    case " $1 " in *" $group "*) ;; *) echo "$pid" ;; esac
  done
}
look() {
  found=$(groups)
  found=$(echo $found)
  others=$(marked "$found")
  others=$(echo $others)
  [ -n "$found$others" ]
}
signal() {
  for pid in $found; do kill "-$1" "-$pid" 2>/dev/null; done
  for pid in $others; do kill "-$1" "$pid" 2>/dev/null; done
}
while read -r verb id group start; do
  forget "$id"
  if [ "$verb" = + ]; then live="$live $id:$group:$start"; fi
done
[ -n "$live" ] || exit 0
look || exit 0
signal TERM
signal CONT
turns=$((grace * 5))
while [ "$turns" -gt 0 ] && look; do
  sleep 0.2 2>/dev/null || { sleep 1; turns=$((turns - 4)); }
  turns=$((turns - 1))
done
turns=20
while [ "$turns" -gt 0 ] && look; do
  signal KILL
  sleep 0.1 2>/dev/null || sleep 1
  turns=$((turns - 1))
done
`
