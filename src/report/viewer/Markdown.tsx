/**
 * Markdown that was written by strangers, as elements of the page.
 *
 * - S1. No HTML is ever parsed: Markdown is read into tokens and each token becomes an element or a text. HTML in it is
 *   shown as the text it is.
 * - S2. Nothing is loaded: an image is shown as its description and address.
 * - S3. A link is a link only to http, https or mailto, and is never followed by itself.
 */
import { lexer } from "marked"
import type { MarkedToken, Token, Tokens } from "marked"
import type { ComponentChild } from "preact"
import { visible } from "./Format.ts"

/** A text as rendered Markdown. */
export const Markdown = ({ text }: { readonly text: string }) => <div class="markdown">{safely(text)}</div>

/** Whether a text has anything in it that Markdown would show differently. */
export const looksLikeMarkdown = (text: string): boolean =>
  /^ {0,3}(?:#{1,6} |[-*+] |\d+[.)] |>|```|\|.*\|)|\*\*|`[^`]+`|\[[^\]]*\]\(|\n\s*\n/m.test(text)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Nested deeper than this nobody meant it, and the browser's stack is finite. */
const deepest = 40

const safely = (text: string): ComponentChild => {
  try {
    return blocks(lexer(text, { gfm: true, breaks: false }), 0)
  } catch {
    // nested so deeply that it cannot be read
    return <pre class="source">{visible(text)}</pre>
  }
}

const blocks = (tokens: ReadonlyArray<Token>, depth: number): Array<ComponentChild> =>
  tokens.map((token) => element(token as MarkedToken, depth))

const element = (token: MarkedToken, depth: number): ComponentChild => {
  if (depth > deepest) return visible(token.raw)
  const inside = (tokens: ReadonlyArray<Token> | undefined): ComponentChild => blocks(tokens ?? [], depth + 1)
  switch (token.type) {
    case "heading":
      return (
        <div class={`heading h${token.depth}`} role="heading" aria-level={token.depth + 3}>{inside(token.tokens)}</div>
      )
    case "paragraph":
      return <p>{inside(token.tokens)}</p>
    case "text":
      return token.tokens === undefined ? decoded(token.text) : inside(token.tokens)
    case "escape":
      return visible(token.text)
    case "strong":
      return <strong>{inside(token.tokens)}</strong>
    case "em":
      return <em>{inside(token.tokens)}</em>
    case "del":
      return <del>{inside(token.tokens)}</del>
    case "codespan":
      return <code>{visible(token.text)}</code>
    case "code":
      return <pre class="code"><code>{visible(token.text)}</code></pre>
    case "blockquote":
      return <blockquote>{inside(token.tokens)}</blockquote>
    case "list":
      return list(token, depth)
    case "list_item":
      return <li>{inside(token.tokens)}</li>
    case "checkbox":
      return <input type="checkbox" checked={token.checked} disabled aria-label={token.checked ? "done" : "to do"} />
    case "table":
      return table(token, depth)
    case "hr":
      return <hr />
    case "br":
      return <br />
    case "link":
      return link(token, inside(token.tokens))
    case "image":
      return <span class="image" title={visible(token.href)}>image: {visible(token.text)} ({visible(token.href)})</span>
    case "html":
      return token.block ? <pre class="raw-html">{visible(token.text)}</pre> : visible(token.text)
    case "space":
    case "def":
      return null
    default:
      return visible((token satisfies never as Token).raw)
  }
}

const list = (token: Tokens.List, depth: number): ComponentChild => {
  const items = token.items.map((item) => (
    <li class={item.task ? "task" : undefined}>{blocks(item.tokens, depth + 1)}</li>
  ))
  return token.ordered ? <ol start={token.start === "" ? 1 : token.start}>{items}</ol> : <ul>{items}</ul>
}

const table = (token: Tokens.Table, depth: number): ComponentChild => {
  const cells = (row: ReadonlyArray<Tokens.TableCell>, Cell: "td" | "th"): ComponentChild => (
    <tr>{row.map((cell) => <Cell class={cell.align ?? undefined}>{blocks(cell.tokens, depth + 1)}</Cell>)}</tr>
  )
  return (
    <div class="scroll">
      <table>
        <thead>{cells(token.header, "th")}</thead>
        <tbody>{token.rows.map((row) => cells(row, "td"))}</tbody>
      </table>
    </div>
  )
}

const link = (token: Tokens.Link, children: ComponentChild): ComponentChild => {
  const address = safeAddress(token.href)
  return address === null
    ? <span class="dead-link" title={visible(token.href)}>{children} ({visible(token.href)})</span>
    : <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">{children}</a>
}

/** The address as the browser would understand it, if it may be followed. */
const safeAddress = (address: string): string | null => {
  if (!/^(?:https?:\/\/|mailto:)/i.test(address) || /[\u0000-\u0020]/.test(address)) return null
  try {
    const url = new URL(address)
    return url.protocol === "http:" || url.protocol === "https:" || url.protocol === "mailto:" ? url.href : null
  } catch {
    return null
  }
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'", nbsp: "\u00a0" }

/** Character references stand for characters in Markdown; here they become text, whatever they say. */
const decoded = (text: string): string =>
  visible(text.replace(
    /&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));/g,
    (all, name: string | undefined, decimal: string | undefined, hex: string | undefined) => {
      if (name !== undefined) return entities[name] ?? all
      const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd"
    }
  ))
