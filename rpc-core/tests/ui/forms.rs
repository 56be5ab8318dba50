use rpc_core::Status;

#[rpc_core::service]
trait Chat {
    async fn asynchronous(&self) -> Result<(), Status>;
    unsafe fn dangerous(&self) -> Result<(), Status>;
    extern "C" fn foreign(&self) -> Result<(), Status>;
    fn generic<T>(&self) -> Result<(), Status>
    where
        T: Clone;
    fn with_body(&self) -> Result<(), Status> {
        Ok(())
    }
}

fn main() {}
