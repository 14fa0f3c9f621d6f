/** One name that a public module exports. */
export interface PublicExport {
  readonly name: string
  readonly kind: string
  readonly summary: string
}

/** A module that users can import, under the name they write. */
export interface PublicModule {
  readonly specifier: string
  readonly summary: string
  readonly exports: ReadonlyArray<PublicExport>
}

/** Every module that package.json exports, in order, with what it exports. */
export declare const publicModules: (root: string) => ReadonlyArray<PublicModule>
