#[rpc_core::service(name = "chat")]
trait Unknown {}

#[rpc_core::service(prefix = "chat", prefix = "chat")]
trait Twice {}

#[rpc_core::service(prefix)]
trait Bare {}

#[rpc_core::service(prefix = chat)]
trait Unquoted {}

#[rpc_core::service(prefix = "")]
trait Empty {}

#[rpc_core::service(prefix = "the chat")]
trait Blank {}

#[rpc_core::service(prefix = "chat.")]
trait Dotted {}

fn main() {}
