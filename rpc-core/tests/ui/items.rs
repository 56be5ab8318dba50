macro_rules! method {
    () => {};
}

#[rpc_core::service]
trait Chat {
    const LIMIT: usize;
    type Room;
    method!();
}

#[rpc_core::service]
trait Visible {
    pub fn join(&self) -> Result<(), rpc_core::Status>;
}

fn main() {}
