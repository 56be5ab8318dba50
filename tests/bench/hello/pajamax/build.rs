//! Compiles the protocol with `protoc`.

fn main() -> std::io::Result<()> {
    pajamax_build::compile_protos_in_local(&["../../proto/hello.proto"], &["../../proto"])
}
