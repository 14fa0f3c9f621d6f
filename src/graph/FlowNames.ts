/**
 * Whether the texts of a graph can be read, and whether the names in them are ones that some node, variable or loop gives.
 *
 * - N1. A name that is not known renders as nothing in a template, which is a warning; in an expression it would end the
 *   run, which is an error. Where a name is asked for with a default it may be missing.
 * - N2. What a body of `for_each` gives is known in it alone; what bodies of `while` and `parallel` give is known after
 *   them. When a node comes before another is not asked: in a loop both come before each other.
 */
import * as Either from "effect/Either"
import * as Expression from "./Expression.ts"
import type { AgentNode, Body, ExpressionText, Flow, Node, Position, Prompt, Template } from "./Flow.ts"
import * as FlowCheck from "./FlowCheck.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowFields from "./FlowFields.ts"
import * as Templates from "./Template.ts"

/**
 * What is wrong with the texts of a graph.
 * @category converting
 * @since 0.1.0
 */
export const check = (flow: Flow): ReadonlyArray<Problem> =>
  checkBody(flow, new Set(flow.variables.map(({ name }) => name)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Names = ReadonlySet<string>

/** What an agent is told beside the context. */
const times = ["node_timeout_s", "node_timeout_min"]

const checkBody = (body: Body, outer: Names): ReadonlyArray<Problem> => {
  const names = new Set([...outer, ...givenBy(body)])
  const nodes = [...body.nodes.values()]
  const inside = (node: Node): Names => new Set([...names, ...loopNames(node)])
  return nodes.flatMap((node) => checkTexts(node, knownTo(node, body, outer, names)))
    .concat(nodes.flatMap((node) => FlowCheck.bodiesOf(node).flatMap((inner) => checkBody(inner, inside(node)))))
}

const knownTo = (node: Node, body: Body, outer: Names, names: Names): Names => {
  if (node.type === "while") {
    // the condition is asked before the body has run
    const others = [...body.nodes.values()].filter((other) => other !== node)
    return new Set([...outer, ...others.flatMap(givenByNode), node.as])
  }
  return "retry" in node && node.retry !== null ? new Set([...names, "retry"]) : names
}

/** What the nodes of a body put in the context around them. */
const givenBy = (body: Body): ReadonlyArray<string> => [...body.nodes.values()].flatMap(givenByNode)

const givenByNode = (node: Node): ReadonlyArray<string> => {
  switch (node.type) {
    case "agent":
    case "script":
      return node.outputs.map(({ key }) => key)
    case "for_each":
    case "workflow":
    case "wait":
      return node.output === null ? [] : [node.output]
    case "while":
      return givenBy(node.body).concat(node.as)
    case "parallel":
      return node.branches.flatMap(givenBy)
    case "branch":
    case "terminal":
    case "fail":
      return []
  }
}

const loopNames = (node: Node): ReadonlyArray<string> =>
  node.type === "for_each" ? [node.as, `${node.as}_index`] : node.type === "while" ? [node.as] : []

const checkTexts = (node: Node, names: Names): ReadonlyArray<Problem> => {
  const templates = (texts: Iterable<Template>) => [...texts].flatMap((text) => checkTemplate(text, names))
  switch (node.type) {
    case "agent":
      return [...templates(node.args.values()), ...checkPrompt(node, names)]
    case "script":
      return templates([...node.args, ...node.environment.values(), ...(node.input === null ? [] : [node.input])])
    case "branch":
      return [
        ...checkPath(node.path, node.at, `node '${node.id}'`, names),
        ...node.when.flatMap((when) => checkExpression(when.if, names))
      ]
    case "for_each":
      return checkExpression(node.items, names)
    case "while":
      return checkExpression(node.condition, names)
    case "workflow":
      return [...node.args.values()].flatMap((arg) =>
        /\{[{%#]/.test(arg.source) ? checkTemplate(arg, names) : checkExpression(arg, names)
      )
    case "wait":
      return checkWait(node.until, names)
    case "terminal":
    case "fail":
      return node.message === null ? [] : checkTemplate(node.message, names)
    case "parallel":
      return []
  }
}

const checkWait = (until: Extract<Node, { readonly type: "wait" }>["until"], names: Names): ReadonlyArray<Problem> => {
  switch (until._tag) {
    case "Time":
      return checkTemplate(until.at, names)
    case "File":
      return checkTemplate(until.path, names)
    case "Approval":
      return until.prompt === null ? [] : checkTemplate(until.prompt, names)
    case "Duration":
      return []
  }
}

const checkPrompt = ({ args, prompt }: AgentNode, names: Names): ReadonlyArray<Problem> => {
  const known = new Set([...names, ...args.keys(), ...times])
  const text = Templates.compilePrompt(prompt)
  const included = [...prompt.includes?.values() ?? []].map((template) => Templates.compile(template))
  const together = [text, ...included].flatMap((one) => Either.isRight(one) ? [one.right] : [])
  return [
    ...checkCompiled(text, known, together),
    // names that are set where a text is included cannot be told from missing ones
    ...included.flatMap((template) => checkCompiled(template, null, together)),
    ...checkIncludes(prompt)
  ]
}

const checkIncludes = (prompt: Prompt): ReadonlyArray<Problem> =>
  prompt.file !== null ? [] : Either.match(Templates.compilePrompt(prompt), {
    onLeft: () => [],
    onRight: ({ includes }) =>
      includes.map(({ at, name }) =>
        FlowError.error(
          at,
          `a text in the graph cannot include '${name}'`,
          "Put the prompt in a file and name it in 'prompt'."
        )
      )
  })

const checkTemplate = (template: Template, names: Names): ReadonlyArray<Problem> => {
  const compiled = Templates.compile(template)
  const includes = Either.match(compiled, { onLeft: () => [], onRight: ({ includes }) => includes })
  return [
    ...checkCompiled(compiled, names),
    ...includes.map(({ at, name }) => FlowError.error(at, `only prompts of files can include '${name}'`))
  ]
}

const checkCompiled = (
  compiled: Either.Either<Templates.Compiled, Templates.TemplateProblem>,
  names: Names | null,
  together: ReadonlyArray<Templates.Compiled> = []
): ReadonlyArray<Problem> =>
  Either.match(compiled, {
    onLeft: (problem) => [FlowError.error(problem, problem.detail)],
    onRight: (template) => [
      ...Templates.problemsOf(template, together).map(({ at, detail }) => FlowError.error(at, detail)),
      ...names === null ? [] : missingIn(template, names)
    ]
  })

const missingIn = (template: Templates.Compiled, names: Names): ReadonlyArray<Problem> =>
  template.names.filter(({ name }) => !names.has(name)).map(({ at, name }) =>
    FlowError.warning(
      at,
      `the name '${FlowFields.clip(name)}' is given nowhere; it renders as nothing`,
      suggest(name, names)
    )
  )

const checkExpression = (text: ExpressionText, names: Names): ReadonlyArray<Problem> =>
  Either.match(Expression.parse(text), {
    onLeft: (problem) => [FlowError.error(problem, problem.detail)],
    onRight: (expression) =>
      expression.names.filter(({ name }) => !names.has(name)).map(({ at, name }) =>
        FlowError.error(
          at,
          `the name '${FlowFields.clip(name)}' is given nowhere, and an expression needs it`,
          suggest(name, names) ?? `Give it in 'vars', or ask for it with default(${FlowFields.clip(name)}, …).`
        )
      )
  })

const checkPath = (path: string | null, at: Position, what: string, names: Names): ReadonlyArray<Problem> => {
  const [name = ""] = path?.split(".") ?? []
  if (path === null || names.has(name)) return []
  const detail = `the path '${FlowFields.clip(path)}' of ${what} begins with a name that is given nowhere`
  return [FlowError.warning(at, detail, suggest(name, names) ?? "It always takes the default.")]
}

const suggest = (name: string, names: Names): string | null => FlowFields.suggest(name, [...names])
