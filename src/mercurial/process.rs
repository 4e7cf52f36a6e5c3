//! Running a program on this computer: killed when its future is dropped, output bounded.

use super::{Error, ErrorKind, Result};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;

/// How a program ended and what it said.
pub(super) struct Said {
    /// Its exit status, 255 where a signal ended it.
    pub(super) code: i32,
    /// Standard output, whole.
    pub(super) stdout: Vec<u8>,
    /// The last lines of standard error.
    pub(super) stderr: String,
}

/// Longest piece of a line handed to a callback.
const LINE_LIMIT: u64 = 4096;

pub(super) fn command(words: &[String], folder: &Path) -> Command {
    let mut command = Command::new(words.first().map_or("", String::as_str));
    command.args(words.get(1..).unwrap_or_default()).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it to its end; `line` gets each line of standard error as it comes.
pub(super) async fn run(mut command: Command, line: &mut (dyn FnMut(&str) + Send)) -> Result<Said> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| {
        let kind =
            if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::MissingTool } else { ErrorKind::Local };
        Error::new(kind, format!("could not run `{name}`")).caused_by(error)
    };
    let mut child = command.spawn().map_err(failed)?;
    let (Some(mut out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new(ErrorKind::Local, format!("could not read what `{name}` says")));
    };
    let mut stdout = Vec::new();
    let read_out = async { out.read_to_end(&mut stdout).await };
    let read_err = lines(err, line);
    let (read, stderr) = tokio::join!(read_out, read_err);
    read.map_err(failed)?;
    let stderr = stderr.map_err(failed)?;
    let status = child.wait().await.map_err(failed)?;
    Ok(Said { code: status.code().unwrap_or(255), stdout, stderr })
}

async fn lines(from: impl AsyncRead + Unpin, tell: &mut (dyn FnMut(&str) + Send)) -> std::io::Result<String> {
    let mut from = BufReader::new(from);
    let (mut tail, mut piece) = (String::new(), Vec::new());
    loop {
        piece.clear();
        if (&mut from).take(LINE_LIMIT).read_until(b'\n', &mut piece).await? == 0 {
            return Ok(tail);
        }
        let text = String::from_utf8_lossy(&piece);
        let text = text.trim_end();
        tell(text);
        if tail.len() > 16 * 1024 {
            tail.clear();
        }
        tail.push_str(text);
        tail.push('\n');
    }
}
