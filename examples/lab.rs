//! A lab to play with: an AWS of one's own on this computer, and as root with real machines, until Ctrl-C.
//!
//! `cargo run --example lab -- [FLAGS]`; the flags are those of `tests/lab/server.py`.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

#[cfg(unix)]
#[path = "../tests/support/lab.rs"]
mod support;

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut flags: Vec<String> = std::env::args().skip(1).collect();
    if nix::unistd::geteuid().is_root() {
        flags.extend(["--machines".to_owned(), folder.path().join("machines").display().to_string()]);
    } else {
        eprintln!("Instances are simulated: machines need root.");
    }
    let lab = support::Lab::start(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    println!("# paste these into the shell that is to see the lab; Ctrl-C here ends it");
    for (name, value) in lab.env() {
        println!("export {name}={value}");
    }
    println!("# the AWS CLI: {}", support::Lab::venv().join("bin/aws").display());
    println!("# its machines: curl -s {}/lab/machines", lab.endpoint());
    tokio::signal::ctrl_c().await.unwrap();
}

#[cfg(not(unix))]
fn main() {
    eprintln!("The lab needs Unix.");
}
