//! The same service on a Unix socket: for programs of one machine, guarded by the permissions of a folder.
//!
//! ```text
//! hello over a file: 5 letters
//! the file went with its server: true
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::{env, fs, process};

use rpc_core::{Client, Server, Status};

#[rpc_core::service]
trait Letters {
    fn count(&self, text: String) -> Result<usize, Status>;
}

struct Reader;

impl Letters for Reader {
    fn count(&self, text: String) -> Result<usize, Status> {
        Ok(text.chars().count())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Only this user gets into the folder, and so to the socket.
    let folder = env::temp_dir().join(format!("lesson-unix-socket-{}", process::id()));
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let path = folder.join("letters.sock");

    let server = Server::builder().service(LettersService::new(Arc::new(Reader))).bind_unix(&path)?;
    let letters = LettersClient::new(Client::connect(format!("unix:{}", path.display())));
    println!("hello over a file: {} letters", letters.count("hello".to_owned())?);
    drop(server);
    println!("the file went with its server: {}", !path.exists());
    fs::remove_dir(&folder)?;
    Ok(())
}
