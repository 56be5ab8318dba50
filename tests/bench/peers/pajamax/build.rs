//! Compiles the protocol with `protoc`, for procedures that run on the thread that reads.

fn main() -> std::io::Result<()> {
    pajamax_build::compile_protos_in_local(&["../../proto/echo.proto"], &["../../proto"])
}
