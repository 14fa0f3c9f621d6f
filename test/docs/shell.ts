/** A line of a terminal: variables it sets, a program and its words. */
export interface Line {
  readonly line: number
  readonly text: string
  readonly variables: Readonly<Record<string, string>>
  readonly words: ReadonlyArray<string>
}

/** The commands of a fence: every line of `sh`, those after `$ ` of `console`; what is joined with `&&` apart. */
export const commandsIn = (language: string, code: string, first: number): ReadonlyArray<Line> => {
  const lines = code.split("\n")
  const found: Array<Line> = []
  for (let at = 0; at < lines.length; at++) {
    const line = first + at + 1
    let text = lines[at] ?? ""
    if (language === "console" && !text.startsWith("$ ")) continue
    text = text.replace(/^\$ /, "")
    while (text.endsWith("\\")) text = `${text.slice(0, -1)}${lines[++at] ?? ""}`
    for (const part of wordsOf(text)) {
      const isSetting = (word: string) => /^[A-Za-z_]\w*=/.test(word)
      const exported = part[0] === "export" ? part.slice(1) : []
      const settings = part[0] === "export" ? exported : part.slice(0, part.findIndex((word) => !isSetting(word)))
      const words = part[0] === "export" ? ["export"] : part.slice(settings.length)
      const variables = Object.fromEntries(
        settings.filter(isSetting).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)])
      )
      if (words.length > 0) found.push({ line, text: part.join(" "), variables, words })
    }
  }
  return found
}

/** Words as a shell takes them, comments left out; a list for each command. */
const wordsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> => {
  const commands: Array<Array<string>> = [[]]
  const pattern = /\s+|(#.*$)|(&&|\|\||;|\||>>?|<)|((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;|<>&])+)/gy
  for (const [, comment, joint, word] of text.matchAll(pattern)) {
    if (comment !== undefined) break
    if (joint !== undefined) commands.push(/[<>]/.test(joint) ? [redirected] : [])
    else if (word !== undefined) commands.at(-1)?.push(unquoted(word))
  }
  return commands.filter(([first]) => first !== undefined && first !== redirected)
}

/** Stands where a command would, for the file a stream goes to or comes from. */
const redirected = ""

const unquoted = (word: string): string =>
  word.replaceAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
    (_, single, double, escaped) => single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped
  )
