/**
 * What is used of picomatch, which comes without types.
 */
declare module "picomatch" {
  interface Options {
    /** Whether `*` matches names that begin with a dot. */
    readonly dot?: boolean
    /** Flags of the regular expression that is made. */
    readonly flags?: string
  }
  function picomatch(pattern: string, options?: Options): (name: string) => boolean
  export = picomatch
}
