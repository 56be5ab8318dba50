//! The program as its users meet it: arguments, output, exit codes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails its test")]

mod browser;
mod commands;
mod doctor;
mod help;
mod house;
mod page;
mod serving;
mod several;
mod strangers;
