//! Guides, each a page of programs that are compiled and run as tests.

#[doc = include_str!("../guides/calls.md")]
pub mod calls {}

#[doc = include_str!("../guides/errors.md")]
pub mod errors {}

#[doc = include_str!("../guides/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("../guides/shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("../guides/security.md")]
pub mod security {}

#[doc = include_str!("../guides/operations.md")]
pub mod operations {}

#[doc = include_str!("../guides/testing.md")]
pub mod testing {}

#[doc = include_str!("../guides/coming_from.md")]
pub mod coming_from {}
