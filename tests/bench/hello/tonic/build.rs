//! Compiles the protocol with `protoc`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .build_client(false)
        .compile_protos(&["../../proto/hello.proto"], &["../../proto"])
}
