//! The binary.

use std::ffi::OsString;

fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == hgautomation::ssh::transport::COMMAND) {
        let code = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime.block_on(hgautomation::ssh::transport::run(args[2..].to_vec())),
            Err(_) => 255,
        };
        std::process::exit(code);
    }
}
