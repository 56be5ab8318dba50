//! Compiles the protocols with `protoc`; byte fields share their memory, which is the quickest that tonic has.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .bytes(".")
        .compile_protos(&["../../proto/echo.proto", "../../proto/items.proto"], &["../../proto"])
}
