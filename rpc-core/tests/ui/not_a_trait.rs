#[rpc_core::service]
struct Chat;

fn main() {
    let _ = Chat;
}
