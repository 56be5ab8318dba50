//! Text from others, made harmless before it meets a terminal: [`chat_api::sanitise`], which the server's console uses too.

pub use chat_api::sanitise::*;
