use rpc_core::{Status, Stream};

#[rpc_core::service]
trait InTheirPlace {
    fn events(&self, room: String) -> Result<Stream<String>, Status>;
    fn upload(&self, parts: rpc_core::Stream<Vec<u8>>, name: String) -> Result<(), Status>;
    fn talk(&self, room: String, said: ::rpc_core::Stream<String>) -> Result<Stream<String>, Status>;
}

#[rpc_core::service]
trait AsArguments {
    fn two(&self, left: Stream<u8>, size: u8, right: Stream<u8>) -> Result<(), Status>;
    fn many(&self, streams: Vec<Stream<u8>>) -> Result<(), Status>;
    fn maybe(&self, stream: Option<rpc_core::Stream<u8>>) -> Result<(), Status>;
    fn of_streams(&self, streams: Stream<Stream<u8>>) -> Result<(), Status>;
    fn of_references(&self, stream: Stream<&str>) -> Result<(), Status>;
}

#[rpc_core::service]
trait AsResults {
    fn beside(&self) -> Result<(u8, Stream<u8>), Status>;
    fn maybe(&self) -> Result<Option<Stream<u8>>, Status>;
    fn of_streams(&self) -> Result<Stream<Stream<u8>>, Status>;
    fn error(&self) -> Result<(), Stream<u8>>;
    fn alone(&self) -> Stream<u8>;
}

#[rpc_core::service]
trait Marked {
    #[idempotent]
    fn events(&self) -> Result<Stream<String>, Status>;
    #[idempotent]
    fn upload(&self, parts: Stream<Vec<u8>>) -> Result<(), Status>;
}

fn main() {}
