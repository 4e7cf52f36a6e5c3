//! The tables, and bringing an older file up to date. A version is never edited once released; a new one is added.

use rusqlite::{Connection, TransactionBehavior};

/// Each entry takes the file from the version of its index to the next.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE jobs (
        id        TEXT PRIMARY KEY NOT NULL,
        operation TEXT NOT NULL,                 -- JSON
        created   TEXT NOT NULL,                 -- RFC 3339, as all times here
        state     TEXT NOT NULL,
        driver    INTEGER,                       -- pid of the process that began it last
        work      TEXT,                          -- JSON, once ended
        cleanup   TEXT,                          -- JSON, once ended
        ended     TEXT
    ) STRICT;

    CREATE TABLE events (
        seq  INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, not even after rows were pruned
        job  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        at   TEXT NOT NULL,
        kind TEXT NOT NULL                       -- JSON
    ) STRICT;
    CREATE INDEX events_of_job ON events (job, seq);

    CREATE TABLE tests (
        id      INTEGER PRIMARY KEY,
        job     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        name    TEXT NOT NULL,
        outcome TEXT NOT NULL,
        seconds REAL,
        at      TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tests_by_name ON tests (name) WHERE seconds IS NOT NULL;
    CREATE INDEX tests_of_job ON tests (job);

    CREATE TABLE requests (
        job   TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        level INTEGER NOT NULL,                  -- 1 stop, 2 kill
        at    TEXT NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE ledger (                        -- outlives the jobs it tells of
        id    INTEGER PRIMARY KEY AUTOINCREMENT,
        entry TEXT NOT NULL                      -- JSON
    ) STRICT;
",
    "
    ALTER TABLE jobs ADD COLUMN capped TEXT;     -- US dollars: the cap that it was stopped for
",
];

/// The version this program writes.
pub(super) const VERSION: u32 = 3;
const _: () = assert!(MIGRATIONS.len() == VERSION as usize, "each version has its migration");

/// What the file's version means to this program.
pub(super) enum Migrated {
    /// The file is current now.
    Current,
    /// A newer program wrote it: this version.
    Newer(u32),
}

/// The version a file was written with; 0 for an empty one.
pub(super) fn version(db: &Connection) -> rusqlite::Result<u32> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the file up to date, in one transaction; of two processes that try at once, the second finds it done.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<Migrated> {
    match version(db)? {
        VERSION => return Ok(Migrated::Current),
        newer if newer > VERSION => return Ok(Migrated::Newer(newer)),
        _ => {}
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > VERSION {
        return Ok(Migrated::Newer(found));
    }
    for step in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(Migrated::Current)
}
