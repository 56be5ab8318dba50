use std::io;

use rpc_core::Status;

type Joined<T> = Result<T, Status>;

#[rpc_core::service]
trait Chat {
    fn nothing(&self);
    fn plain(&self) -> String;
    fn optional(&self) -> Option<String>;
    fn alias(&self) -> Joined<String>;
    fn alias_called_result(&self) -> io::Result<String>;
    fn borrowed(&self) -> Result<&str, Status>;
    fn opaque(&self) -> Result<impl Clone, Status>;
    fn of_one_side(&self) -> Result<Box<Self>, Status>;
    fn any_path_to_result(&self) -> std::result::Result<(), Status>;
}

fn main() {}
