//! All that knows Mercurial.
//!
//! NOTE TO THE AUTHOR OF THIS ROOM (18:40, change of plan to save time): a colleague in another worktree now writes
//! `repo.rs`, `sync.rs`, `pypi.rs`, `quick.rs` + `assets/demo-tests.txt`, `assets/bootstrap/local.sh` and
//! `tests/support/hg.rs`. Please do NOT write those. Yours are: the spool (part A), `assets/test_events.py` (B), and
//! `decoder.rs`, `text.rs`, `command.rs` (of C) with their tests. Commit the spool as soon as it works (the
//! integrator waits for it: `Spool::new(shell: Arc<dyn Shell>, dir: String)`, `follow(&run, offsets, &mut dyn Sink)`,
//! `Ended::{Status(i32), Vanished}`; `EventDecoder::new(offset)`, `.feed(&[u8]) -> Vec<TestEvent>`, `.offset() -> u64`;
//! `TextDecoder::new()`, `.feed(&[u8]) -> Vec<TestEvent>`, `.finish() -> Vec<TestEvent>`), then the rest in that
//! order. Delete this note.
