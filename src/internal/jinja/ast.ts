/**
 * What a template and an expression are once they are read. Every node knows its offset in the source.
 */

/**
 * A literal's value.
 * @category models
 * @since 0.1.0
 */
export type Constant = string | number | boolean | null

/**
 * An argument of a call; `name` is null for a positional one.
 * @category models
 * @since 0.1.0
 */
export interface Argument {
  readonly name: string | null
  readonly value: Expr
}

/**
 * Operators between two values.
 * @category models
 * @since 0.1.0
 */
export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "~"

/**
 * Comparisons, which can be chained.
 * @category models
 * @since 0.1.0
 */
export type Comparison = "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "not in"

/**
 * An expression.
 * @category models
 * @since 0.1.0
 */
export type Expr =
  & { readonly at: number }
  & (
    | { readonly _tag: "Constant"; readonly value: Constant }
    | { readonly _tag: "Name"; readonly name: string }
    | { readonly _tag: "List"; readonly items: ReadonlyArray<Expr> }
    | { readonly _tag: "Dict"; readonly entries: ReadonlyArray<readonly [Expr, Expr]> }
    | { readonly _tag: "Attribute"; readonly target: Expr; readonly name: string }
    | { readonly _tag: "Item"; readonly target: Expr; readonly key: Expr }
    | {
      readonly _tag: "Slice"
      readonly target: Expr
      readonly start: Expr | null
      readonly stop: Expr | null
      readonly step: Expr | null
    }
    | { readonly _tag: "Call"; readonly target: Expr; readonly args: ReadonlyArray<Argument> }
    | FilterExpr
    | {
      readonly _tag: "Test"
      readonly target: Expr
      readonly name: string
      readonly args: ReadonlyArray<Argument>
      readonly isNegated: boolean
    }
    | { readonly _tag: "Unary"; readonly operator: "-" | "+" | "not"; readonly operand: Expr }
    | { readonly _tag: "Binary"; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr }
    | {
      readonly _tag: "Compare"
      readonly first: Expr
      readonly rest: ReadonlyArray<{ readonly operator: Comparison; readonly operand: Expr }>
    }
    | { readonly _tag: "Logic"; readonly operator: "and" | "or"; readonly left: Expr; readonly right: Expr }
    | { readonly _tag: "If"; readonly test: Expr; readonly met: Expr; readonly else: Expr | null }
  )

/**
 * A filter applied to a value; `target` is null in a filter block, where it is the block's text.
 * @category models
 * @since 0.1.0
 */
export interface FilterExpr {
  readonly _tag: "Filter"
  readonly target: Expr | null
  readonly name: string
  readonly args: ReadonlyArray<Argument>
}

/**
 * What a loop or an assignment binds.
 * @category models
 * @since 0.1.0
 */
export type Binding =
  | { readonly _tag: "Name"; readonly name: string }
  | { readonly _tag: "Field"; readonly name: string; readonly field: string }
  | { readonly _tag: "Names"; readonly names: ReadonlyArray<Binding> }

/**
 * A part of a template.
 * @category models
 * @since 0.1.0
 */
export type Statement =
  & { readonly at: number }
  & (
    | { readonly _tag: "Text"; readonly text: string }
    | { readonly _tag: "Output"; readonly value: Expr }
    | { readonly _tag: "If"; readonly cases: ReadonlyArray<IfCase>; readonly else: Block }
    | {
      readonly _tag: "For"
      readonly binding: Binding
      readonly items: Expr
      readonly filter: Expr | null
      readonly body: Block
      readonly else: Block
    }
    | { readonly _tag: "Set"; readonly binding: Binding; readonly value: Expr }
    | { readonly _tag: "SetBlock"; readonly binding: Binding; readonly filter: Expr | null; readonly body: Block }
    | { readonly _tag: "With"; readonly bindings: ReadonlyArray<readonly [Binding, Expr]>; readonly body: Block }
    | { readonly _tag: "Filtered"; readonly filter: Expr; readonly body: Block }
    | {
      readonly _tag: "Macro"
      readonly name: string
      readonly parameters: ReadonlyArray<{ readonly name: string; readonly default: Expr | null }>
      readonly body: Block
    }
    | { readonly _tag: "Include"; readonly name: string; readonly isOptional: boolean }
  )

/**
 * Parts in order.
 * @category models
 * @since 0.1.0
 */
export type Block = ReadonlyArray<Statement>

/**
 * A condition and what is rendered where it holds.
 * @category models
 * @since 0.1.0
 */
export interface IfCase {
  readonly test: Expr
  readonly body: Block
}
