//! Compiles the protocol with `capnp`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    capnpc::CompilerCommand::new().src_prefix("../../proto").file("../../proto/echo.capnp").run()?;
    Ok(())
}
