//! Entry of `hga`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let status = match words.as_slice() {
        [first, verb, dir] if first == "local-machine" && verb == "supervise" => {
            hgautomation::local::supervise(Path::new(dir))
        }
        [first, verb, dir] if first == "local-machine" && verb == "serve" => {
            hgautomation::local::serve(Path::new(dir))
        }
        _ => 2,
    };
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
