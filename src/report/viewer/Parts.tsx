/**
 * Small parts used all over the report: marks, copy buttons, long texts.
 */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import type { Text } from "../RunReport.ts"
import { toneOf } from "./Data.ts"
import type { Tone } from "./Data.ts"
import * as Document from "./Document.ts"
import { bytes, visible, word } from "./Format.ts"
import { JsonTree } from "./JsonTree.tsx"
import { looksLikeMarkdown, Markdown } from "./Markdown.tsx"

/** A tone as a shape, so that colour is not the only thing that tells it; with a title where no word beside it does. */
export const Mark = ({ title, tone }: { readonly tone: Tone; readonly title?: string }) =>
  title === undefined
    ? (
      <svg class={`mark ${tone}`} viewBox="0 0 16 16" aria-hidden="true">
        <path d={shapes[tone]} />
      </svg>
    )
    : <svg class={`mark ${tone}`} viewBox="0 0 16 16" role="img" aria-label={title}>
      <path d={shapes[tone]} />
    </svg>

/** A status in words with its mark. */
export const Status = ({ status, tone = toneOf(status) }: { readonly status: string; readonly tone?: Tone }) => (
  <span class={`status ${tone}`}>
    <Mark tone={tone} />
    {word(status)}
  </span>
)

/** Copies a text when it is pressed, and says so. */
export const Copy = ({ label, text }: { readonly label: string; readonly text: string }) => {
  const [state, setState] = useState<"" | "copied" | "failed">("")
  const press = async (): Promise<void> => {
    setState(await copy(text) ? "copied" : "failed")
    setTimeout(() => setState(""), 1500)
  }
  return (
    <button type="button" class="copy" onClick={() => void press()} aria-live="polite">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={state === "copied" ? check : sheets} />
      </svg>
      {state === "" ? label : state === "copied" ? "Copied" : "Could not copy"}
    </button>
  )
}

/** A command line with a button that copies it. */
export const Command = ({ children }: { readonly children: string }) => (
  <div class="command">
    <code>{visible(children)}</code>
    <Copy label="Copy" text={children} />
  </div>
)

/** A heading with something to do beside it. */
export const Section = (
  { actions, children, id, title }: {
    readonly id: string
    readonly title: string
    readonly actions?: ComponentChildren
    readonly children: ComponentChildren
  }
) => (
  <section class="section" id={`section-${id}`} aria-label={title}>
    <header>
      <h3>{title}</h3>
      <div class="actions">{actions}</div>
    </header>
    {children}
  </section>
)

/**
 * A text in the form it can be read best in, with a switch to what it really is: JSON as a tree, Markdown rendered.
 */
export const Content = (
  { command, form, text }: {
    readonly text: Text
    readonly form: "json" | "markdown" | "plain"
    /** Prints all of it where it was cut. */
    readonly command: string
  }
) => {
  const [isSource, setSource] = useState(false)
  const value = form === "json" ? Document.parse(text.text) : undefined
  const isRich = value !== undefined || form === "markdown" && looksLikeMarkdown(text.text)
  return (
    <div class="content">
      {isRich && (
        <div class="switch" role="group" aria-label="How it is shown">
          <button type="button" aria-pressed={!isSource} onClick={() => setSource(false)}>
            {value === undefined ? "Rendered" : "Tree"}
          </button>
          <button type="button" aria-pressed={isSource} onClick={() => setSource(true)}>Source</button>
        </div>
      )}
      <Clipped length={text.text.length}>
        {isRich && !isSource
          ? value === undefined ? <Markdown text={text.text} /> : <JsonTree value={value} />
          : text.text === ""
          ? <p class="quiet">empty</p>
          : <pre class="source">{visible(text.text)}</pre>}
      </Clipped>
      {text.isCut && (
        <div class="cut">
          <span>Cut: all of it are {bytes(text.size)}.</span>
          <Command>{command}</Command>
        </div>
      )}
    </div>
  )
}

/** Facts with their names. */
export const Facts = (
  { facts }: { readonly facts: ReadonlyArray<readonly [name: string, value: ComponentChildren]> }
) => (
  <dl class="facts">
    {facts.filter(([, value]) => value !== null && value !== "").map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const shapes: Readonly<Record<Tone, string>> = {
  done: "M3.2 8.6 6.4 11.8 12.8 4.8",
  cached: "M9.2 2 4 9h3.6L6.8 14 12 7H8.4Z",
  failed: "M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8",
  degraded: "M8 2.6 14 13H2ZM8 6.4v3M8 11.2v.2",
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  waiting: "M8 2.5a5.5 5.5 0 1 0 .01 0ZM8 5v3.2l2 1.4",
  quiet: "M3.5 8h9"
}

const check = "M3.2 8.6 6.4 11.8 12.8 4.8"
const sheets = "M5.5 5.5h7.5v8H5.5ZM3 10.5v-8h7.5"

/** Characters and pixels from which on a text is clipped at first. */
const longText = 1500

const Clipped = ({ children, length }: { readonly length: number; readonly children: ComponentChildren }) => {
  const [isWhole, setWhole] = useState(length < longText)
  return (
    <>
      <div class={isWhole ? "text" : "text clipped"}>{children}</div>
      {length >= longText && (
        <button
          type="button"
          class="link more"
          aria-expanded={isWhole}
          onClick={() => setWhole(!isWhole)}
        >
          {isWhole ? "Show less" : "Show all"}
        </button>
      )}
    </>
  )
}

/** The clipboard may be closed to a file; selecting and copying works everywhere. */
const copy = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement("textarea")
    area.value = text
    area.className = "off-screen"
    document.body.append(area)
    area.select()
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
}
