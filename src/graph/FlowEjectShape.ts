/**
 * The ways between nodes as the statements of a program.
 *
 * - C1. Branches become `if` and `switch`, ways back become loops, and what follows them stands after them, each node
 *   once, wherever that can be said without jumping into the middle of something.
 * - C2. Ways that cannot be said so become a loop around a `switch` over the node that is next.
 * - C3. What is done, and in which order, is the same either way.
 */

/**
 * A condition, and its opposite.
 * @category models
 * @since 0.1.0
 */
export interface Test {
  readonly holds: string
  readonly fails: string
}

/**
 * A statement.
 * @category models
 * @since 0.1.0
 */
export type Stmt =
  | { readonly _tag: "Code"; readonly text: string; readonly node?: string | undefined }
  | { readonly _tag: "If"; readonly test: Test; readonly met: Stmts; readonly else: Stmts }
  | { readonly _tag: "Switch"; readonly on: string; readonly cases: ReadonlyArray<Case> }
  | { readonly _tag: "Block"; readonly label: string; readonly body: Stmts }
  | { readonly _tag: "Loop"; readonly label: string; readonly head: string; readonly body: Stmts }
  | { readonly _tag: "Jump"; readonly kind: "break" | "continue"; readonly label: string }
  | { readonly _tag: "Exit"; readonly text: string }

/**
 * Statements in order.
 * @category models
 * @since 0.1.0
 */
export type Stmts = ReadonlyArray<Stmt>

/**
 * A case of a `switch`; without values the default.
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly values: ReadonlyArray<string>
  readonly body: Stmts
}

/**
 * Where a node leads.
 * @category models
 * @since 0.1.0
 */
export type Ways =
  | { readonly _tag: "Go"; readonly to: string }
  | { readonly _tag: "If"; readonly test: Test; readonly met: Ways; readonly else: Ways }
  | {
    readonly _tag: "Switch"
    readonly on: string
    readonly cases: ReadonlyArray<{ readonly values: ReadonlyArray<string>; readonly ways: Ways }>
  }
  | { readonly _tag: "Leave"; readonly body: Stmts }

/**
 * A node: what it does, and where it leads.
 * @category models
 * @since 0.1.0
 */
export interface Vertex {
  readonly code: Stmts
  readonly ways: Ways
}

/**
 * The statements of a body, with loops and branches; undefined where its ways have no such form.
 * @category converting
 * @since 0.1.0
 */
export const structured = (start: string, vertices: ReadonlyMap<string, Vertex>): Stmts | undefined => {
  const order = orderFrom(start, vertices)
  const index = new Map(order.map((id, position) => [id, position]))
  const plan = planOf(order, index, vertices)
  if (plan === undefined) return undefined
  const statements = flat(hoisted(simple(place(plan, start))))
  return statements.some(hasBlock) ? undefined : statements
}

/**
 * The statements of a body whose ways have no form of their own: a loop around a `switch`.
 * @category converting
 * @since 0.1.0
 */
export const machine = (
  start: string,
  vertices: ReadonlyMap<string, Vertex>,
  names: { readonly variable: string; readonly label: string }
): Stmts => {
  const reached = orderFrom(start, vertices)
  const type = reached.map((id) => JSON.stringify(id)).join(" | ")
  const go = (to: string): Stmts => [{ _tag: "Code", text: `${names.variable} = ${JSON.stringify(to)}` }]
  const cases = reached.map((id) => ({
    values: [JSON.stringify(id)],
    body: [...codeOf(vertices, id), ...statementsOf(waysOf(vertices, id), go)]
  }))
  return [
    { _tag: "Code", text: `let ${names.variable}: ${type} = ${JSON.stringify(start)}` },
    {
      _tag: "Loop",
      label: names.label,
      head: "for (;;)",
      body: flat(hoisted(simple([{ _tag: "Switch", on: names.variable, cases }])))
    }
  ]
}

/**
 * The nodes a start leads to, each before what it leads to where there is no way back.
 * @category getters
 * @since 0.1.0
 */
export const orderFrom = (start: string, vertices: ReadonlyMap<string, Vertex>): ReadonlyArray<string> => {
  const seen = new Set<string>([start])
  const done: Array<string> = []
  const stack = [{ id: start, left: targetsOf(waysOf(vertices, start)).toReversed() }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.left.shift()
    if (next === undefined) {
      done.push(top.id)
      stack.pop()
    } else if (!seen.has(next)) {
      seen.add(next)
      stack.push({ id: next, left: targetsOf(waysOf(vertices, next)).toReversed() })
    }
  }
  return done.toReversed()
}

/**
 * The nodes ways lead to, each once, in order.
 * @category getters
 * @since 0.1.0
 */
export const targetsOf = (ways: Ways): Array<string> => {
  switch (ways._tag) {
    case "Go":
      return [ways.to]
    case "If":
      return [...new Set([...targetsOf(ways.met), ...targetsOf(ways.else)])]
    case "Switch":
      return [...new Set(ways.cases.flatMap((one) => targetsOf(one.ways)))]
    case "Leave":
      return []
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Plan {
  readonly vertices: ReadonlyMap<string, Vertex>
  readonly index: ReadonlyMap<string, number>
  /** The nodes every way to which leads through a node, and no other such node between. */
  readonly below: ReadonlyMap<string, ReadonlyArray<string>>
  /** The nodes of each loop, by the one it begins with. */
  readonly loops: ReadonlyMap<string, ReadonlySet<string>>
  /** Nodes that stand after a statement, because several ways in it lead to them. */
  readonly merges: ReadonlySet<string>
  readonly placed: Set<string>
}

const nothing: Ways = { _tag: "Leave", body: [] }

const waysOf = (vertices: ReadonlyMap<string, Vertex>, id: string): Ways => vertices.get(id)?.ways ?? nothing
const codeOf = (vertices: ReadonlyMap<string, Vertex>, id: string): Stmts => vertices.get(id)?.code ?? []

const positionOf = ({ index }: Pick<Plan, "index">, id: string): number => index.get(id) ?? -1

const planOf = (
  order: ReadonlyArray<string>,
  index: ReadonlyMap<string, number>,
  vertices: ReadonlyMap<string, Vertex>
): Plan | undefined => {
  const before = new Map<string, Array<string>>(order.map((id) => [id, []]))
  for (const id of order) for (const to of targetsOf(waysOf(vertices, id))) before.get(to)?.push(id)
  const above = dominators(order, index, before)
  const isBack = (from: string, to: string) => positionOf({ index }, to) <= positionOf({ index }, from)
  const loops = new Map<string, ReadonlySet<string>>()
  const merges = new Set<string>()
  for (const id of order) {
    const from = before.get(id) ?? []
    const back = from.filter((one) => isBack(one, id))
    if (back.some((one) => !dominates(above, id, one))) return undefined
    if (back.length > 0) loops.set(id, naturalLoop(id, back, before))
    if (from.length - back.length > 1) merges.add(id)
  }
  const below = new Map<string, Array<string>>(order.map((id) => [id, []]))
  for (const id of order.slice(1)) below.get(above.get(id) ?? "")?.push(id)
  return { vertices, index, below, loops, merges, placed: new Set() }
}

/** The closest node every way to a node leads through. */
const dominators = (
  order: ReadonlyArray<string>,
  index: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlyMap<string, string> => {
  const [start = ""] = order
  const above = new Map([[start, start]])
  const common = (left: string, right: string): string => {
    let [one, other] = [left, right]
    while (one !== other) {
      if (positionOf({ index }, one) > positionOf({ index }, other)) one = above.get(one) ?? start
      else other = above.get(other) ?? start
    }
    return one
  }
  for (let isStable = false; !isStable;) {
    isStable = true
    for (const id of order.slice(1)) {
      const known = (before.get(id) ?? []).filter((one) => above.has(one))
      const closest = known.slice(1).reduce(common, known[0] ?? start)
      if (above.get(id) !== closest) {
        above.set(id, closest)
        isStable = false
      }
    }
  }
  return above
}

const dominates = (above: ReadonlyMap<string, string>, id: string, other: string): boolean => {
  for (let one = other;; one = above.get(one) ?? one) {
    if (one === id) return true
    if (above.get(one) === one || !above.has(one)) return false
  }
}

const naturalLoop = (
  head: string,
  back: ReadonlyArray<string>,
  before: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlySet<string> => {
  const inside = new Set([head])
  const queue = [...back]
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (inside.has(id)) continue
    inside.add(id)
    queue.push(...before.get(id) ?? [])
  }
  return inside
}

/** A node, what only it leads to inside of it, and what several ways lead to after it. */
const place = (plan: Plan, id: string): Stmts => {
  const loop = plan.loops.get(id)
  const merges = (plan.below.get(id) ?? []).filter((one) => plan.merges.has(one) && !plan.placed.has(one))
  if (loop === undefined) return within(plan, merges, () => own(plan, id))
  const after = new Set(merges.filter((one) => !loop.has(one)))
  const follow = followOf(plan, loop)
  if (follow !== undefined) after.add(follow)
  for (const one of after) plan.placed.add(one)
  const inside = merges.filter((one) => loop.has(one))
  return within(plan, [...after], () => [
    { _tag: "Loop", label: id, head: "for (;;)", body: within(plan, inside, () => own(plan, id)) }
  ])
}

const within = (plan: Plan, merges: ReadonlyArray<string>, inner: () => Stmts): Stmts => {
  for (const one of merges) plan.placed.add(one)
  // what comes first stands innermost, so that it can lead on to what comes later
  const inOrder = merges.toSorted((left, right) => positionOf(plan, left) - positionOf(plan, right))
  const wrap = (count: number): Stmts => {
    const last = inOrder[count - 1]
    return last === undefined
      ? inner()
      : [{ _tag: "Block", label: last, body: wrap(count - 1) }, ...place(plan, last)]
  }
  return wrap(inOrder.length)
}

/** Of the nodes a loop leads out to, the one with the most behind it. */
const followOf = (plan: Plan, loop: ReadonlySet<string>): string | undefined => {
  const out = [...loop].flatMap((id) => targetsOf(waysOf(plan.vertices, id))).filter((id) => !loop.has(id))
  const own = [...new Set(out)].filter((id) =>
    !plan.placed.has(id) && [...loop].some((one) => plan.below.get(one)?.includes(id) === true)
  )
  const sized = own.map((id) => ({ id, size: sizeOf(plan, id) }))
  return sized.toSorted((left, right) => right.size - left.size)[0]?.id
}

const sizeOf = (plan: Plan, id: string): number =>
  1 + (plan.below.get(id) ?? []).reduce((sum, one) => sum + sizeOf(plan, one), 0)

const own = (plan: Plan, id: string): Stmts => [
  ...codeOf(plan.vertices, id),
  ...statementsOf(waysOf(plan.vertices, id), (to): Stmts => {
    if (positionOf(plan, to) <= positionOf(plan, id)) return [{ _tag: "Jump", kind: "continue", label: to }]
    return plan.placed.has(to) ? [{ _tag: "Jump", kind: "break", label: to }] : place(plan, to)
  })
]

const statementsOf = (ways: Ways, go: (to: string) => Stmts): Stmts => {
  switch (ways._tag) {
    case "Go":
      return go(ways.to)
    case "Leave":
      return ways.body
    case "If":
      return [
        { _tag: "If", test: ways.test, met: statementsOf(ways.met, go), else: statementsOf(ways.else, go) }
      ]
    case "Switch":
      return [{
        _tag: "Switch",
        on: ways.on,
        cases: ways.cases.map((one) => ({ values: one.values, body: statementsOf(one.ways, go) }))
      }]
  }
}

const mapped = (stmt: Stmt, each: (body: Stmts) => Stmts): Stmt => {
  switch (stmt._tag) {
    case "If":
      return { ...stmt, met: each(stmt.met), else: each(stmt.else) }
    case "Switch":
      return { ...stmt, cases: stmt.cases.map((one) => ({ ...one, body: each(one.body) })) }
    case "Block":
    case "Loop":
      return { ...stmt, body: each(stmt.body) }
    case "Code":
    case "Jump":
    case "Exit":
      return stmt
  }
}

const bodiesOf = (stmt: Stmt): ReadonlyArray<Stmts> => {
  switch (stmt._tag) {
    case "If":
      return [stmt.met, stmt.else]
    case "Switch":
      return stmt.cases.map(({ body }) => body)
    case "Block":
    case "Loop":
      return [stmt.body]
    case "Code":
    case "Jump":
    case "Exit":
      return []
  }
}

const hasBlock = (stmt: Stmt): boolean => stmt._tag === "Block" || bodiesOf(stmt).some((body) => body.some(hasBlock))

const jumpsTo = (stmts: Stmts, label: string): boolean =>
  stmts.some((stmt) =>
    stmt._tag === "Jump"
      ? stmt.kind === "break" && stmt.label === label
      : bodiesOf(stmt).some((body) => jumpsTo(body, label))
  )

/** Without jumps to where a statement goes anyway, and without the blocks that then nothing jumps out of. */
const simple = (stmts: Stmts): Stmts =>
  stmts.flatMap((stmt): Stmts => {
    const inner = mapped(stmt, simple)
    if (inner._tag === "Loop") return [{ ...inner, body: withoutTail(inner.body, "continue", inner.label) }]
    if (inner._tag !== "Block") return [inner]
    const body = withoutTail(inner.body, "break", inner.label)
    if (!jumpsTo(body, inner.label)) return body
    const [loop] = body
    return body.length === 1 && loop?._tag === "Loop"
      ? [{ ...loop, body: renamed(loop.body, inner.label, loop.label) }]
      : [{ ...inner, body }]
  })

const renamed = (stmts: Stmts, from: string, to: string): Stmts =>
  stmts.map((stmt) =>
    stmt._tag === "Jump" && stmt.kind === "break" && stmt.label === from
      ? { ...stmt, label: to }
      : mapped(stmt, (body) => renamed(body, from, to))
  )

const withoutTail = (stmts: Stmts, kind: "break" | "continue", label: string): Stmts => {
  const last = stmts.at(-1)
  const rest = stmts.slice(0, -1)
  if (last === undefined) return stmts
  if (last._tag === "Jump") return last.kind === kind && last.label === label ? rest : stmts
  return last._tag === "If" || last._tag === "Switch" || last._tag === "Block"
    ? [...rest, mapped(last, (body) => withoutTail(body, kind, label))]
    : stmts
}

/** What every branch ends with, once after them. */
const hoisted = (stmts: Stmts): Stmts =>
  stmts.flatMap((stmt): Stmts => {
    const inner = mapped(stmt, hoisted)
    if (inner._tag !== "If" && inner._tag !== "Switch") return [inner]
    const bodies = bodiesOf(inner)
    const last = bodies[0]?.at(-1)
    if (last === undefined || (last._tag !== "Exit" && last._tag !== "Jump")) return [inner]
    const isCommon = bodies.every((body) => isSame(body.at(-1), last)) && isTotal(inner)
    return isCommon ? [mapped(inner, (body) => body.slice(0, -1)), last] : [inner]
  })

const isTotal = (stmt: Stmt): boolean => stmt._tag !== "Switch" || stmt.cases.some(({ values }) => values.length === 0)

const isSame = (left: Stmt | undefined, right: Stmt): boolean =>
  left !== undefined && JSON.stringify(left) === JSON.stringify(right)

/** Without an `else` after what does not go on, and without branches in which nothing is done. */
const flat = (stmts: Stmts): Stmts =>
  stmts.flatMap((stmt): Stmts => {
    const inner = mapped(stmt, flat)
    if (inner._tag !== "If") return [inner]
    const { else: otherwise, met, test } = inner
    if (met.length === 0 && otherwise.length === 0) return []
    if (met.length === 0) return [{ ...inner, test: opposite(test), met: otherwise, else: [] }]
    if (otherwise.length === 0) return [inner]
    if (leaves(met)) return [{ ...inner, else: [] }, ...otherwise]
    if (leaves(otherwise)) return [{ ...inner, test: opposite(test), met: otherwise, else: [] }, ...met]
    return [inner]
  })

const opposite = ({ fails, holds }: Test): Test => ({ holds: fails, fails: holds })

const leaves = (stmts: Stmts): boolean => {
  const last = stmts.at(-1)
  if (last === undefined) return false
  if (last._tag === "Exit" || last._tag === "Jump") return true
  return last._tag === "If"
    ? leaves(last.met) && leaves(last.else)
    : last._tag === "Switch" && isTotal(last) && last.cases.every(({ body }) => leaves(body))
}
