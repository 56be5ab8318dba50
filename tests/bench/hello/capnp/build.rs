//! Compiles the protocol with `capnp`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    capnpc::CompilerCommand::new().src_prefix("../../proto").file("../../proto/hello.capnp").run()?;
    Ok(())
}
