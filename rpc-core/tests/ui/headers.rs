#[rpc_core::service]
unsafe trait Unsafe {}

#[rpc_core::service]
trait Generic<'a, T, const N: usize> {}

#[rpc_core::service]
trait Bounded
where
    Self: Sized,
{
}

fn main() {}
