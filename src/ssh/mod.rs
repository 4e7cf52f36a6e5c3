//! The only home of russh: client and server.

pub mod server;
