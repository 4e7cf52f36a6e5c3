//! Reads a job's output on a thread of its own, so that no key waits for a disk.

use super::protocol::{OutputAnswer, OutputRequest, Window};
use crate::domain::{JobId, escape_line};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// How often a file that is followed is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The reader's handle. Dropping it ends the thread.
#[derive(Debug)]
pub struct Reader {
    requests: mpsc::Sender<OutputRequest>,
}

impl Reader {
    /// Starts the thread. `path` tells where a job's output is, `answer` takes what is found.
    pub fn start(
        path: impl Fn(&JobId) -> PathBuf + Send + 'static,
        answer: impl Fn(OutputAnswer) + Send + 'static,
    ) -> Self {
        let (requests, inbox) = mpsc::channel();
        std::thread::spawn(move || serve(&inbox, &path, &answer));
        Self { requests }
    }

    /// Asks for something; the answer comes by itself.
    pub fn ask(&self, request: OutputRequest) {
        // the thread lives as long as the handle
        let _ = self.requests.send(request);
    }
}

fn serve(inbox: &mpsc::Receiver<OutputRequest>, path: &dyn Fn(&JobId) -> PathBuf, answer: &dyn Fn(OutputAnswer)) {
    let mut open: Option<(JobId, PathBuf, u64)> = None;
    let mut want: Option<usize> = None;
    loop {
        let request = match inbox.recv_timeout(LOOK) {
            Ok(request) => Some(request),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        let mut first = None;
        match request {
            Some(OutputRequest::Open(job)) => {
                open = Some((job.clone(), path(&job), u64::MAX));
                want = None;
            }
            Some(OutputRequest::Close) => open = None,
            Some(OutputRequest::Lines { first: line, rows }) => {
                first = Some((line, rows));
                want = None;
            }
            Some(OutputRequest::Follow { rows }) => want = Some(rows),
            None => {}
        }
        let Some((job, path, seen)) = open.as_mut() else { continue };
        let bytes = std::fs::metadata(&*path).map_or(0, |metadata| metadata.len());
        if first.is_none() && *seen == bytes {
            continue;
        }
        *seen = bytes;
        let text = String::from_utf8_lossy(&std::fs::read(&*path).unwrap_or_default()).into_owned();
        let lines = text.lines().count() as u64;
        let (from, rows) = first.or(want.map(|rows| (lines.saturating_sub(rows as u64), rows))).unwrap_or((0, 0));
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let window = Window { first: from, lines: text.lines().skip(skip).take(rows).map(escape_line).collect() };
        answer(OutputAnswer { job: job.clone(), lines, bytes, window: Some(window) });
    }
}
