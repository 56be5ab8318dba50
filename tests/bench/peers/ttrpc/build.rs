//! Compiles the protocol; needs no `protoc`.

use std::fs;
use std::path::Path;

use ttrpc_codegen::{Codegen, ProtobufCustomize};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::var("OUT_DIR")?;
    Codegen::new()
        .out_dir(&folder)
        .inputs(["../../proto/echo.proto"])
        .include("../../proto")
        .rust_protobuf()
        .rust_protobuf_customize(ProtobufCustomize::default().gen_mod_rs(true))
        .run()?;
    // What lists the modules does not know of the service's.
    let list = Path::new(&folder).join("mod.rs");
    fs::write(&list, format!("{}\npub mod echo_ttrpc;\n", fs::read_to_string(&list)?))?;
    println!("cargo:rerun-if-changed=../../proto/echo.proto");
    Ok(())
}
