//! The stand-in for `ssh` that Mercurial calls: understands enough of its command line, and connects to the machine that
//! a target file describes. This is a process's main job, so it uses standard input, output and error.

use crate::diag;
use crate::domain::Endpoint;
use crate::remote::{Chunk, Command, Error, ErrorKind, ExecStream, Result};
use crate::ssh::client::{SshShell, Stdin};
use bytes::{Bytes, BytesMut};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The hidden command's name.
pub const COMMAND: &str = "ssh-transport";

/// What `ssh` answers when there is no connection.
const FAILED: i32 = 255;
/// Pieces of output waiting for whoever reads ours.
const OUTPUT_QUEUE: usize = 16;

/// Writes an endpoint's description into a private folder, whole and readable by us alone; gives its file.
///
/// # Errors
/// What the file system says.
pub fn write_target(endpoint: &Endpoint, scratch: &Path) -> io::Result<PathBuf> {
    use sha2::{Digest, Sha256};
    let json = serde_json::to_vec(endpoint)?;
    let digest = Sha256::digest(&json);
    let name = u64::from_be_bytes([0, 0, digest[0], digest[1], digest[2], digest[3], digest[4], digest[5]]);
    let file = scratch.join(format!("ssh-target-{name:012x}.json"));
    let temporary = scratch.join(format!(".ssh-target-{name:012x}.{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    out.write_all(&json)?;
    fs::rename(&temporary, &file)?;
    Ok(file)
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    target: PathBuf,
    line: Option<String>,
}

/// Reads `ssh`'s options as far as Mercurial and people use them; `--target FILE` is ours. Options may also follow the
/// host, as in OpenSSH; the first other word begins the command.
fn parse(args: Vec<OsString>) -> Result<Call> {
    let bad = |message: String| Error::new(ErrorKind::Local, message);
    let mut target = None;
    let mut host = None;
    let mut words: Vec<String> = Vec::new();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let word = String::from_utf8(arg.into_vec())
            .map_err(|error| bad(format!("`{}` is not UTF-8", String::from_utf8_lossy(error.as_bytes()))))?;
        let mut value = |name: &str| args.next().ok_or_else(|| bad(format!("`{name}` wants a value")));
        match word.as_str() {
            "--target" => target = Some(PathBuf::from(value("--target")?)),
            "--" => {
                if host.is_none() {
                    host = args.next();
                }
                words.extend(args.by_ref().map(|rest| rest.to_string_lossy().into_owned()));
            }
            option if option.starts_with('-') && option.len() > 1 => {
                let mut letters = option[1..].chars();
                while let Some(letter) = letters.next() {
                    match letter {
                        'p' | 'l' | 'o' | 'i' | 'F' | 'S' | 'c' | 'm' | 'e' | 'b' | 'E' => {
                            if letters.as_str().is_empty() {
                                value(&format!("-{letter}"))?;
                            }
                            break;
                        }
                        'T' | 'q' | 'x' | 'X' | 'C' | 'a' | 'A' | 'k' | 'n' | '4' | '6' | 'v' | 'Y' => {}
                        other => return Err(bad(format!("unknown option `-{other}`"))),
                    }
                }
            }
            _ if host.is_none() => host = Some(word.into()),
            _ => {
                words.push(word);
                words.extend(args.by_ref().map(|rest| rest.to_string_lossy().into_owned()));
            }
        }
    }
    let target = target.ok_or_else(|| bad("`--target FILE` is missing".to_owned()))?;
    if host.is_none() {
        return Err(bad("the host is missing".to_owned()));
    }
    Ok(Call { target, line: (!words.is_empty()).then(|| words.join(" ")) })
}

fn read_target(file: &Path) -> Result<Endpoint> {
    let bad = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Local, format!("could not read the target file `{}`", file.display())).caused_by(error)
    };
    let json = fs::read(file).map_err(|error| bad(error.into()))?;
    serde_json::from_slice(&json).map_err(|error| bad(error.into()))
}

/// Runs a remote command with this process's standard input, output and error; gives its exit status, 255 when there is
/// no connection. `args` are the words after `ssh-transport`. A thread may still wait for input when it returns: end the
/// process with [`std::process::exit`].
pub async fn run(args: Vec<OsString>) -> i32 {
    match serve(args).await {
        Ok(code) => code,
        Err(error) => {
            let mut text = format!("hga {COMMAND}: {}\n", diag::chain(&error));
            for hint in diag::hints(&error) {
                text.extend(["hint: ", &hint.0, "\n"]);
            }
            let _ = io::stderr().write_all(text.as_bytes());
            FAILED
        }
    }
}

async fn serve(args: Vec<OsString>) -> Result<i32> {
    let call = parse(args)?;
    let shell = SshShell::new(read_target(&call.target)?);
    let mut exec = shell.start(Command { line: call.line, pty: None }).await?;
    // Threads, since the standard streams cannot be waited for: they may be files, and are shared with other processes.
    let stdin = exec.stdin();
    std::thread::spawn(move || pump_input(&stdin));
    let (output, mut waiting) = tokio::sync::mpsc::channel(OUTPUT_QUEUE);
    let writer = std::thread::spawn(move || -> io::Result<()> {
        while let Some(chunk) = waiting.blocking_recv() {
            match chunk {
                Chunk::Stdout(bytes) => write_out(&bytes)?,
                Chunk::Stderr(bytes) => io::stderr().write_all(&bytes)?,
            }
        }
        Ok(())
    });
    let ended = loop {
        match exec.next().await {
            Ok(Some(chunk)) => {
                if output.send(chunk).await.is_err() {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(output);
    let written = tokio::task::spawn_blocking(move || writer.join()).await;
    ended?;
    match written {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(FAILED),
        Ok(Ok(Err(error))) => {
            return Err(Error::new(ErrorKind::Local, "could not write the command's output").caused_by(error));
        }
        Ok(Err(_)) | Err(_) => return Err(Error::new(ErrorKind::Local, "writing the command's output broke off")),
    }
    Ok(exec.exit().map_or(FAILED, |status| status.code()))
}

/// Straight to the descriptor: `io::stdout` looks for line ends in what is binary.
fn write_out(bytes: &Bytes) -> io::Result<()> {
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match nix::unistd::write(io::stdout(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn pump_input(stdin: &Stdin) {
    const PIECE: usize = 128 << 10;
    let mut input = io::stdin().lock();
    loop {
        let mut buffer = BytesMut::zeroed(PIECE);
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                buffer.truncate(read);
                if stdin.write_blocking(buffer.freeze()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::debug!(%error, "reading standard input");
                break;
            }
        }
    }
    let _ = stdin.close_blocking();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn command_lines_of_ssh_are_understood() {
        for (line, command) in [
            ("--target t hg@host -p 22 hg serve", Some("hg serve")),
            ("--target t -p 22 -l me host hg -R repo serve --stdio", Some("hg -R repo serve --stdio")),
            ("--target t -p22 -oBatchMode=yes -Tqx -C -4 host ls", Some("ls")),
            ("--target t -- host ls -l", Some("ls -l")),
            ("--target t host -- ls -l", Some("ls -l")),
            ("--target t -o A=b host", None),
            ("-T host --target t echo -p", Some("echo -p")),
        ] {
            let call = parse(words(line)).unwrap();
            assert_eq!(call, Call { target: "t".into(), line: command.map(str::to_owned) }, "{line}");
        }
        for line in ["host ls", "--target t", "--target t -Z host", "--target t -p", "--target"] {
            assert!(parse(words(line)).is_err(), "{line}");
        }
    }
}
