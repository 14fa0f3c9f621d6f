/**
 * The terminal behind stderr, to draw a live region on.
 *
 * - Z1. While a region is shown, everything that is written to a terminal through stdout or stderr appears above it, line
 *   by line and in order, whoever writes it: a logger, a script's `console.log`.
 * - Z2. At most ten frames a second are drawn, and fewer where one takes long, so that drawing takes about a two-hundredth
 *   of the time; what is written in between goes with the next one.
 * - Z3. However the process ends, short of being killed, the region is gone and all that was written is there. Stopped by
 *   Ctrl-Z it is gone too, and comes back when the process goes on.
 */
import * as Clock from "effect/Clock"
import { StringDecoder } from "node:string_decoder"
import * as LineText from "../cli/live/Line.ts"
import { Painter } from "../cli/live/Painter.ts"
import type { Drawing, Screen, Shown } from "../cli/live/Screen.ts"

/**
 * The terminal behind stderr; undefined where there is none, or it is not to be drawn on.
 * @category constructors
 * @since 0.1.0
 */
export const make = (environment: Readonly<Record<string, string | undefined>>): Screen | undefined =>
  process.stderr.isTTY && isWanted(environment) ? { show: (drawing) => new Region(drawing) } : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Variables that are set to nothing are not set. */
const isWanted = ({ CI, NO_COLOR, TERM }: Readonly<Record<string, string | undefined>>): boolean =>
  TERM !== "dumb" && (NO_COLOR ?? "") === "" && (CI ?? "") === ""

const clock = Clock.make()

const interval = 100

/** Frames in which nothing is new are drawn this many intervals apart, for what shows the time. */
const idle = 3

/** After a frame, this many times as long as it took is waited for the next one, and at most so many milliseconds. */
const pause = { times: 200, most: 500 } as const

/** So much text is written without waiting for the next frame. */
const most = 64 * 1024

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

class Region implements Shown {
  private readonly painter = new Painter()
  private readonly stderr = intercept(process.stderr, (text) => this.write(text))
  private readonly stdout = process.stdout.isTTY ? intercept(process.stdout, (text) => this.write(text)) : undefined
  private readonly timer = setInterval(() => this.tick(), interval).unref()
  /** Signals that would end the process without a word (Z3). */
  private readonly unheard = signals.filter((name) => process.listenerCount(name) === 0)
  private pending = ""
  private isChanged = true
  private isClosed = false
  private ticks = 0
  /** When the next frame may be drawn (Z2). */
  private next = 0
  private frames = 0

  private readonly drawing: Drawing

  constructor(drawing: Drawing) {
    this.drawing = drawing
    process.stderr.on("resize", this.resized)
    process.stderr.on("error", this.close)
    process.on("exit", this.close)
    process.on("SIGTSTP", this.suspend)
    process.on("SIGCONT", this.resume)
    for (const name of this.unheard) process.on(name, this.ended)
  }

  changed(): void {
    this.isChanged = true
  }

  readonly close = (): void => {
    if (this.isClosed) return
    this.isClosed = true
    clearInterval(this.timer)
    process.stderr.off("resize", this.resized)
    process.stderr.off("error", this.close)
    process.off("exit", this.close)
    process.off("SIGTSTP", this.suspend)
    process.off("SIGCONT", this.resume)
    for (const name of this.unheard) process.off(name, this.ended)
    this.take()
    const rest = this.stderr.release() + (this.stdout?.release() ?? "")
    this.stderr.write(this.painter.erase() + this.pending + rest)
    this.pending = ""
  }

  /** Takes over what is to scroll above the region. */
  private take(): void {
    for (const line of this.drawing.above()) this.pending += `${LineText.write(line, Infinity, true)}\n`
  }

  private write(text: string): void {
    // what happened before it stands above it
    this.take()
    this.pending += text
    this.isChanged = true
    if (this.pending.length > most) this.paint()
  }

  private tick(): void {
    this.ticks++
    if (!this.isChanged && this.ticks < idle) return
    const from = performance.now()
    if (from < this.next) return
    this.paint()
    const to = performance.now()
    this.next = to + Math.min(pause.most, (to - from) * pause.times) - interval / 2
  }

  private paint(): void {
    if (this.isClosed) return
    this.ticks = 0
    this.isChanged = false
    const { columns, rows } = sizeOf()
    // a line as wide as the terminal would wrap, or not, as terminals differ
    const width = columns - 1
    const now = clock.unsafeCurrentTimeMillis()
    const offset = -new Date(now).getTimezoneOffset()
    this.take()
    const lines = this.drawing.region({ columns: width, rows, now, frame: this.frames++, offset })
    const text = this.painter.paint(lines.map((line) => LineText.write(line, width, true)), this.pending)
    this.pending = ""
    if (text !== "") this.stderr.write(text)
  }

  private readonly resized = (): void => {
    const { columns, rows } = sizeOf()
    this.stderr.write(this.painter.resized(columns, rows))
    this.paint()
  }

  private readonly suspend = (): void => {
    this.stderr.write(this.painter.erase())
    process.kill(process.pid, "SIGSTOP")
  }

  private readonly ended = (_: NodeJS.Signals, number: number): void => process.exit(128 + number)

  private readonly resume = (): void => {
    this.isChanged = true
  }
}

const sizeOf = (): { readonly columns: number; readonly rows: number } => ({
  columns: Math.max(10, process.stderr.columns || 80),
  rows: Math.max(3, process.stderr.rows || 24)
})

interface Intercepted {
  /** Writes to the stream itself. */
  readonly write: (text: string) => void
  /** Gives the stream back, with what was written to it and is no whole line yet. */
  readonly release: () => string
}

/** Takes what is written to a stream, whole lines at a time (Z1). */
const intercept = (stream: NodeJS.WriteStream, take: (text: string) => void): Intercepted => {
  const own = stream.write
  const decoder = new StringDecoder("utf8")
  let partial = ""
  const write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void
  ): boolean => {
    partial += typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk))
    const end = partial.lastIndexOf("\n") + 1
    if (end > 0) {
      const text = partial.slice(0, end)
      partial = partial.slice(end)
      take(text)
    }
    const told = typeof encoding === "function" ? encoding : done
    if (told !== undefined) process.nextTick(told)
    return true
  }
  // the overloads of `write` differ in what may be left out, which the one above covers
  stream.write = write as typeof stream.write
  return {
    write: (text) => void own.call(stream, text),
    release: () => {
      stream.write = own
      return partial
    }
  }
}
