//! `hga` runs Mercurial's tests on throw-away machines, streams what happens and leaves nothing behind.
//!
//! One library and one binary: a dashboard and a command line over one shared asynchronous task engine. Imports go one way, each thing
//! has one home, and every joint is data, so that it can be logged, compared, replayed and tested alone.
//!
//! # Words, one meaning each
//!
//! | word | meaning |
//! |---|---|
//! | **Provider** | where machines come from: `local` (this computer, the default), `aws`, or `hosts` (SSH machines listed in the configuration) |
//! | **Machine** | an SSH server with a user `hg` and the folders that tests want; a local machine, an EC2 instance and a listed host are all machines; one of EC2 may be reached by Systems Manager instead |
//! | **Layout** | where a machine keeps them: `/hgdev` and `/hgwork`, below its own root for local ones |
//! | **Image** | what machines are launched from: a local template folder, or an AMI; carries the fingerprint of what it was made from |
//! | **Resource** | a machine, an image or whatever else a provider holds (volume, group, role); its **claim** says whether it is ours, and by what |
//! | **Plan** | the exact list of what would be ended or removed, with the reason for each; shown, saved, checked anew, carried out |
//! | **Lease** | until when a machine may live with no client; the machine itself counts it and ends when it runs out, without credentials |
//! | **Price book** | what an hour or a month of a thing costs, each price with how it is known: bundled, listed, Spot; unknown is not nothing |
//! | **Ledger** | what ran or was stored from when to when and for what it was charged; only ever added to, it outlives jobs and machines |
//! | **Cap** | what a job, or a day, may cost: a job at its cap is stopped, a day at its cap launches no more |
//! | **Operation** | what a person or a script asks for, a plain serializable value |
//! | **Job** | one operation under way: phases, events, output, and two verdicts, the work's and the clean-up's |
//! | **Run** | a detached process on a machine, kept in a **spool** folder and read by byte offset |
//! | **Event** | what happened, stamped and ordered; the journal holds them, every front end folds them |
//! | **Finaliser** | what has to be done when a job is over, whichever way it ended; added before what it undoes |
//!
//! # Rooms
//!
//! A room imports what its row says and nothing else; `tests/layers.rs` holds the same table.
//!
//! | room | what lives there | may import |
//! |---|---|---|
//! | [`diag`] | what an error owes its reader: hints as data, chains, redaction | – |
//! | [`domain`] | pure words and rules, no IO, no async: ids, machine, image, lease, operation, job, test, a checked point, money (prices, billing, the ledger and what it comes to) | diag |
//! | [`event`] | what happened, as data | domain, diag |
//! | [`cloud`] | port: machines and images of a provider | domain, diag |
//! | [`remote`] | port: a shell on a machine; the spool's client and a machine's lease over it | domain, diag |
//! | [`config`] | the configuration file and the state directory's paths | domain, diag |
//! | [`store`] | read model: a pure fold of events, and questions to it | domain, event |
//! | [`journal`] | jobs, events and the ledger in SQLite, the only home of `rusqlite` | domain, event, diag |
//! | [`engine`] | jobs: the one writer of events, contexts, cancelling, finalisers, retries | domain, event, diag |
//! | [`mercurial`] | all that knows Mercurial: repositories, `hg push`, `run-tests.py`, its events and its text | domain, diag, remote |
//! | [`ssh`] | the only home of `russh`: client, keys, `ssh` for Mercurial, a local machine's server | domain, diag, remote |
//! | [`local`] | provider `local`: machines as detached processes, images as folders, leases | domain, diag, cloud, remote, ssh |
//! | [`hosts`] | provider `hosts`: the inventory, pinned keys, the walk along the interface | domain, diag, cloud, remote, config |
//! | `aws` | provider `aws` on EC2 and IAM, the only home of `aws_*`; there with the feature `aws` alone: `launch` and what it needs, `machines` one at a time, `inventory` all at once, `prices` the Price List and the Spot market, `ssm` a shell by Run Command | domain, diag, cloud, remote |
//! | [`ops`] | one file per verb, written against the ports alone | domain, diag, event, cloud, remote, engine, mercurial |
//! | [`session`] | the one handle of a front end: submit, attach, cancel, watch, list; what things cost, and the guards of caps | the row of ops, ops, journal, store, config |
//! | [`cli`] | arguments, printers, exit statuses; the only home of `clap` and of printing | domain, diag, event, config, store, session |
//! | [`tui`] | the dashboard: messages in, pure update, effects out, pure view; the only home of `ratatui` and `crossterm` | domain, diag, event, config, store, session |
//! | [`wire`] | the composition root, functions only: picks providers and transports, sets the log up | all |
//!
//! SFTP is spoken by codecs of our own, for russh-sftp keeps names and handles as text: names that are not UTF-8 are lost
//! in it, and so is each of OpenSSH's handles from the 128th on. The client's writes requests and reads answers, the
//! server's reads requests and writes answers, so the two share next to nothing.
//!
//! # A run of tests, end to end
//!
//! 1. The front end builds an [`Operation`](domain::Operation) and submits it; the session locks the job's folder,
//!    writes the job down and gives its id back at once.
//! 2. The engine runs the verb: source, image, launch, ready, prepare, sync, test, collect, end. Launching journals its
//!    intent and adds the finaliser that ends the machine before it asks for one.
//!    A cloud's machine is known by its own id from then on; one whose launch was never answered is found, and ended, by
//!    what it was asked for with. It climbs a ladder (running, address, answers, login, interface), each step timed, and
//!    must keep its own lease before anything is done on it.
//! 3. The tests are a run in the machine's spool. Its output goes into the job's file, whose length is the offset to read
//!    on from; its test events go into the journal with theirs. A lost connection, or another process, reads on.
//! 4. Front ends read the journal and fold their own [`store`]; a job of another process looks like one's own.
//!    What an event tells of money is entered into the ledger with it; what a look at a provider tells besides, aside.
//! 5. A process that dies lets go of its jobs. Whoever takes one up again first arms the finalisers of all that was
//!    launched and not seen to end, then repeats the verb, whose steps look whether they have been done.
//!
//! # To add a verb, touch these
//!
//! `domain/operation.rs` (a variant) · `ops/<verb>.rs` · `session/route.rs` (the compiler points at the missing arm) ·
//! `cli/cmd/<verb>.rs` and its arguments in `cli/args.rs` · a row in `tui/keys/table.rs` and its arm in `tui/update`.

#[cfg(feature = "aws")]
pub mod aws;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod diag;
pub mod domain;
pub mod engine;
pub mod event;
pub mod hosts;
pub mod journal;
pub mod local;
pub mod mercurial;
pub mod ops;
pub mod remote;
pub mod session;
pub mod ssh;
pub mod store;
pub mod tui;
pub mod wire;
