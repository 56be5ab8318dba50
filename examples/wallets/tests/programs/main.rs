//! The four programs as processes. README.md says which test shows which requirement.

mod stage;

mod bank;
mod store;

mod faults;
mod outside;
