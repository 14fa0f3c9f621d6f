import * as Layer from "effect/Layer"
import { Owner } from "open-agent-workflows/store/Owner"
import * as SqlRunStore from "open-agent-workflows/store/SqlRunStore"
import * as RunStoreContract from "../contract/RunStoreContract.ts"

RunStoreContract.suite(
  "SQLite",
  (home, owner) => Layer.provide(SqlRunStore.layer({ home, mode: "write" }), Layer.succeed(Owner, owner))
)
