/**
 * Renders templates.
 *
 * - N1. What is rendered is text and never read as a template again.
 * - N2. Names set in a loop, a macro or an included text end there, as in Jinja.
 */
import type { Binding, Block, Expr, Statement } from "./ast.ts"
import { evaluate, evaluateFilters, Scope } from "./evaluate.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText } from "./text.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * The text of a template; `includes` gives what is included by name.
 * @category converting
 * @since 0.1.0
 */
export const render = (
  runtime: Runtime,
  block: Block,
  context: Values.Dict,
  includes: (name: string) => Block | undefined
): string => capture({ runtime, includes, out: [] }, block, new Scope(null, context))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Env {
  readonly runtime: Runtime
  readonly includes: (name: string) => Block | undefined
  readonly out: Array<string>
}

const capture = (env: Env, block: Block, scope: Scope): string => {
  const out: Array<string> = []
  renderBlock({ ...env, out }, block, scope)
  return out.join("")
}

const renderBlock = (env: Env, block: Block, scope: Scope): void => {
  for (const statement of block) {
    Runtimes.step(env.runtime)
    env.runtime.at = statement.at
    renderStatement(env, statement, scope)
  }
}

const put = ({ out, runtime }: Env, text: string) => {
  Runtimes.charge(runtime, text.length)
  out.push(text)
}

type Of<Tag extends Statement["_tag"]> = Extract<Statement, { readonly _tag: Tag }>

const renderStatement = (env: Env, statement: Statement, scope: Scope): void => {
  const { runtime } = env
  const of = (expr: Expr) => evaluate(runtime, scope, expr)
  switch (statement._tag) {
    case "Text":
      return put(env, statement.text)
    case "Output": {
      const value = of(statement.value)
      runtime.at = statement.at
      return put(env, toText(runtime, value))
    }
    case "If": {
      const met = statement.cases.find(({ test }) => Values.isTruthy(of(test)))
      return renderBlock(env, met?.body ?? statement.else, scope)
    }
    case "For":
      return renderFor(env, statement, scope)
    case "Set":
      return assign(runtime, scope, statement.binding, of(statement.value))
    case "SetBlock": {
      const text = capture(env, statement.body, scope.inner())
      const value = statement.filter === null ? text : evaluateFilters(runtime, scope, statement.filter, text)
      return assign(runtime, scope, statement.binding, value)
    }
    case "With": {
      const inner = scope.inner()
      for (const [binding, value] of statement.bindings) {
        assign(runtime, inner, binding, evaluate(runtime, inner, value))
      }
      return renderBlock(env, statement.body, inner)
    }
    case "Filtered": {
      const text = capture(env, statement.body, scope.inner())
      return put(env, toText(runtime, evaluateFilters(runtime, scope, statement.filter, text)))
    }
    case "Macro":
      return void scope.own.set(statement.name, macro(env, statement, scope))
    case "Include":
      return include(env, statement, scope)
  }
}

const assign = (runtime: Runtime, scope: Scope, binding: Binding, value: Value): void => {
  if (binding._tag === "Name") return void scope.own.set(binding.name, value)
  if (binding._tag === "Field") {
    const target = scope.get(binding.name)
    if (target instanceof Values.Namespace) return void target.fields.set(binding.field, value)
    return Runtimes.fail(runtime, "TypeMismatch", `'${binding.name}' is no namespace: only fields of one can be set`)
  }
  const items = Values.toList(runtime, value)
  if (items.length !== binding.names.length) {
    Runtimes.fail(runtime, "TypeMismatch", `${items.length} values are given to ${binding.names.length} names`)
  }
  for (const [index, inner] of binding.names.entries()) assign(runtime, scope, inner, items[index] ?? null)
}

const renderFor = (env: Env, statement: Of<"For">, scope: Scope): void => {
  const { runtime } = env
  const { binding, body, filter, items } = statement
  const all = Values.toList(runtime, evaluate(runtime, scope, items))
  const isKept = (item: Value) => {
    const inner = scope.inner()
    assign(runtime, inner, binding, item)
    return filter === null || Values.isTruthy(evaluate(runtime, inner, filter))
  }
  const kept = filter === null ? all : all.filter(isKept)
  if (kept.length === 0) return renderBlock(env, statement.else, scope)
  const changed = whetherChanged()
  for (const [index, item] of kept.entries()) {
    Runtimes.step(runtime)
    const inner = scope.inner()
    inner.own.set("loop", loopAt(kept, index, changed))
    runtime.at = statement.at
    assign(runtime, inner, binding, item)
    renderBlock(env, body, inner)
  }
}

const loopAt = (
  items: ReadonlyArray<Value>,
  index: number,
  changed: Values.Callable
): Values.Namespace =>
  new Values.Namespace([
    ["index", index + 1],
    ["index0", index],
    ["revindex", items.length - index],
    ["revindex0", items.length - index - 1],
    ["first", index === 0],
    ["last", index === items.length - 1],
    ["length", items.length],
    // only recursive loops, which there are not, are deeper
    ["depth", 1],
    ["depth0", 0],
    ["previtem", items[index - 1] ?? new Values.Undefined("loop.previtem")],
    ["nextitem", items[index + 1] ?? new Values.Undefined("loop.nextitem")],
    ["changed", changed],
    ["cycle", new Values.Callable("cycle", (_, { positional }) => positional[index % positional.length] ?? "")]
  ])

const whetherChanged = (): Values.Callable => {
  let last: Value | undefined
  return new Values.Callable("changed", (runtime, { positional }) => {
    const isSame = last !== undefined && Values.equals(runtime, last, positional)
    last = positional
    return !isSame
  })
}

const macro = (env: Env, { body, name, parameters }: Of<"Macro">, scope: Scope): Values.Callable => {
  const { origin } = env.runtime
  return new Values.Callable(name, (runtime, args) => {
    const inner = scope.inner()
    checkArguments(runtime, name, parameters.map((parameter) => parameter.name), args)
    return Runtimes.deeper(runtime, origin, () => {
      for (const [index, { default: fallback, name: parameter }] of parameters.entries()) {
        const given = index < args.positional.length ? args.positional[index] : args.named.get(parameter)
        const otherwise = () => fallback === null ? new Values.Undefined(parameter) : evaluate(runtime, inner, fallback)
        inner.own.set(parameter, given === undefined ? otherwise() : given)
      }
      return capture(env, body, inner)
    })
  })
}

const checkArguments = (
  runtime: Runtime,
  name: string,
  parameters: ReadonlyArray<string>,
  { named, positional }: Arguments
) => {
  if (positional.length > parameters.length) {
    Runtimes.fail(runtime, "TypeMismatch", `'${name}' takes at most ${parameters.length} arguments`)
  }
  const unknown = [...named.keys()].find((given) => !parameters.includes(given))
  if (unknown !== undefined) Runtimes.fail(runtime, "TypeMismatch", `'${name}' has no parameter '${unknown}'`)
}

const include = (env: Env, { isOptional, name }: Of<"Include">, scope: Scope): void => {
  const block = env.includes(name)
  if (block !== undefined) return Runtimes.deeper(env.runtime, name, () => renderBlock(env, block, scope.inner()))
  if (!isOptional) Runtimes.fail(env.runtime, "Undefined", `there is no text '${name}' to include`)
}
