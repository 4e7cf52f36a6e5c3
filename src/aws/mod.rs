//! Provider `aws`: machines, images and all that goes with them on EC2 and IAM. The only home of `aws_*`. What is ours is
//! not decided here: what the services say becomes evidence, and [`crate::domain::ours`] judges it.

mod bake;
mod client;
mod cloud;
mod connector;
mod convert;
mod doctor;
mod error;
mod inventory;
mod launch;
mod machines;
mod poll;
mod prices;
mod remove;
mod setup;
mod ssm;

pub use cloud::{AwsCloud, AwsOptions, Regions};
pub use connector::AwsConnector;
pub use launch::{HostKey, LaunchOptions, NewHostKey};
pub use ssm::SsmShell;
