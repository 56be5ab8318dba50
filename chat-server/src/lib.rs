//! A chat server of many rooms: the implementation of [`chat_api::Chat`], and a server to embed.

pub mod domain;
pub mod store;
