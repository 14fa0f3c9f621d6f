/**
 * The first schema: runs, their calls, the requests of the calls, events, artifacts, cache entries, leases, how far the
 * rate limits of providers are used up, and batches with their jobs and requests.
 *
 * Money is whole billionths of a dollar, times are UTC text with milliseconds. Ids of calls and paths of files are not
 * stored: both follow from the run's id and the call's index, and what is not stored cannot be tampered with. The large
 * columns come last in their rows, so that reading the small ones does not walk through them.
 *
 * What a commit costs is the pages it touches, so there are few indexes. There is none on the calls' keys: a random page
 * per call costs a fan-out a third of its rate, and a run's owner hands the ordinals out. Events are numbered per run by
 * its owner for the same reason, so that they need one page and not three.
 */

/**
 * Statements of this migration, in order.
 * @category models
 * @since 0.1.0
 */
export const statements: ReadonlyArray<string> = [
  `CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    root_run_id TEXT NOT NULL,
    parent_run_id TEXT REFERENCES runs (id),
    child_key TEXT,
    child_ordinal INTEGER,
    status TEXT NOT NULL,
    attempt_number INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    workflow_name TEXT NOT NULL,
    workflow_description TEXT,
    script_path TEXT,
    script_hash TEXT,
    alias TEXT,
    provider TEXT NOT NULL,
    model TEXT,
    cache_policy TEXT NOT NULL,
    budget_total_tokens INTEGER,
    budget_total_cost_nano INTEGER,
    error_kind TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT NOT NULL,
    completed_at TEXT,
    updated_at TEXT NOT NULL,
    args_json TEXT NOT NULL,
    output_json TEXT
  ) STRICT`,
  "CREATE INDEX runs_root ON runs (root_run_id)",
  "CREATE UNIQUE INDEX runs_child ON runs (parent_run_id, child_key, child_ordinal) WHERE parent_run_id IS NOT NULL",
  // a name that stays while runs come and go: the newest one that was started under it has it
  "CREATE UNIQUE INDEX runs_alias ON runs (alias) WHERE alias IS NOT NULL",
  `CREATE TABLE calls (
    run_id TEXT NOT NULL REFERENCES runs (id),
    call_index INTEGER NOT NULL,
    call_key TEXT NOT NULL,
    cache_key TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    position TEXT NOT NULL,
    label TEXT,
    phase TEXT,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    agent_type TEXT,
    isolation TEXT NOT NULL,
    status TEXT NOT NULL,
    cache_status TEXT NOT NULL,
    cache_policy TEXT NOT NULL,
    source_call_id TEXT,
    schema_hash TEXT,
    error_kind TEXT,
    worktree_path TEXT,
    worktree_branch TEXT,
    base_commit TEXT,
    head_commit TEXT,
    scope_before TEXT,
    scope_after TEXT,
    changed_files_json TEXT,
    patch_cut INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nano INTEGER,
    duration_ms REAL,
    run_attempt INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    completed_at TEXT,
    recovery_json TEXT,
    opts_json TEXT NOT NULL,
    settings_json TEXT,
    error TEXT,
    validation_errors_json TEXT,
    patch TEXT,
    output_json TEXT,
    output_text TEXT,
    prompt_sha256 TEXT NOT NULL,
    prompt TEXT NOT NULL,
    PRIMARY KEY (run_id, call_index)
  ) STRICT`,
  `CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    call_index INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    reserved_tokens INTEGER NOT NULL,
    reserved_cost_nano INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nano INTEGER,
    cost_source TEXT,
    model TEXT,
    session_id TEXT,
    error_kind TEXT,
    started_at TEXT NOT NULL,
    completed_at TEXT,
    error TEXT,
    raw TEXT,
    PRIMARY KEY (run_id, call_index, attempt),
    FOREIGN KEY (run_id, call_index) REFERENCES calls (run_id, call_index)
  ) STRICT, WITHOUT ROWID`,
  // an ended request whose price is not known counts at what was set aside for it; one that is under way or was lost
  // counts at the greater of that and what was reported for it so far
  `CREATE VIEW budget_ledger AS SELECT
    run_id, call_index, attempt, status,
    CASE status WHEN 'running' THEN max(reserved_tokens, reported_tokens) ELSE 0 END AS held_tokens,
    CASE status WHEN 'running' THEN max(reserved_cost_nano, coalesce(cost_nano, 0)) ELSE 0 END AS held_cost_nano,
    CASE status WHEN 'running' THEN 0 WHEN 'lost' THEN max(reserved_tokens, reported_tokens)
      ELSE reported_tokens END AS spent_tokens,
    CASE status WHEN 'running' THEN 0 WHEN 'lost' THEN max(reserved_cost_nano, coalesce(cost_nano, 0))
      ELSE coalesce(cost_nano, reserved_cost_nano) END AS spent_cost_nano
  FROM (SELECT *, input_tokens + output_tokens + cache_read_tokens + cache_write_tokens AS reported_tokens
    FROM attempts)`,
  `CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs (id),
    id INTEGER NOT NULL,
    call_index INTEGER,
    run_attempt INTEGER NOT NULL,
    type TEXT NOT NULL,
    message TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    data_json TEXT,
    PRIMARY KEY (run_id, id)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE artifacts (
    run_id TEXT NOT NULL,
    call_index INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (run_id, call_index, kind),
    FOREIGN KEY (run_id, call_index) REFERENCES calls (run_id, call_index)
  ) STRICT, WITHOUT ROWID`,
  // no foreign key: an entry whose call was deleted is no entry, and a key on this side would need an index
  `CREATE TABLE cache_entries (
    cache_key TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    call_index INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (cache_key, ordinal)
  ) STRICT, WITHOUT ROWID`,
  // what a run asked a person; whoever answers does not own the run
  `CREATE TABLE approvals (
    run_id TEXT NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    question TEXT,
    asked_at TEXT NOT NULL,
    decision TEXT,
    message TEXT,
    decided_at TEXT,
    PRIMARY KEY (run_id, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE leases (
    root_run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs (id),
    token TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    system TEXT NOT NULL,
    host TEXT NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    taken_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // one row for each thing a provider limits per minute: when all that was taken of it will have flowed off again
  `CREATE TABLE rate_limits (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    free_at REAL NOT NULL,
    asked_at REAL NOT NULL,
    PRIMARY KEY (provider, kind)
  ) STRICT, WITHOUT ROWID`,
  // what was asked of vendors in jobs instead of one by one; without `stored_at` the requests are not all there yet
  `CREATE TABLE batches (
    id TEXT PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    stored_at TEXT
  ) STRICT, WITHOUT ROWID`,
  // a job is `sending` from before its creation is asked for until the vendor's answer is stored
  `CREATE TABLE batch_jobs (
    batch_id TEXT NOT NULL REFERENCES batches (id),
    number INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL,
    input TEXT,
    sent_at INTEGER,
    remote_id TEXT,
    raw_state TEXT,
    remote_succeeded INTEGER,
    remote_failed INTEGER,
    checked_at TEXT,
    cancel_asked_at TEXT,
    ended_at TEXT,
    settled_at TEXT,
    ok INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nano INTEGER,
    problems_json TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (batch_id, number)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE batch_requests (
    batch_id TEXT NOT NULL REFERENCES batches (id),
    position INTEGER NOT NULL,
    job INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    model TEXT NOT NULL,
    form TEXT NOT NULL,
    status TEXT,
    error_kind TEXT,
    answered_model TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cache_read_tokens INTEGER,
    cache_write_tokens INTEGER,
    cost_nano INTEGER,
    cost_source TEXT,
    error TEXT,
    schema_json TEXT,
    value_json TEXT,
    text TEXT,
    prompt TEXT NOT NULL,
    line TEXT NOT NULL,
    UNIQUE (batch_id, position),
    UNIQUE (batch_id, custom_id)
  ) STRICT`,
  `CREATE TABLE batch_leases (
    batch_id TEXT PRIMARY KEY NOT NULL REFERENCES batches (id),
    token TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    system TEXT NOT NULL,
    host TEXT NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    taken_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`
]
