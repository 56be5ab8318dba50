//! What stands before a server and can vanish with all its connections, as a machine does that loses power.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rpc_core::threads::{self, Thread};

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
    accepting: Option<Thread>,
}

impl Relay {
    pub(crate) fn before(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let held = open.clone();
        let accepting = threads::spawn("relay", move || {
            let mut copying = Vec::new();
            while let Ok((near, _)) = listener.accept() {
                let far = TcpStream::connect(server).unwrap();
                let Some(open) = &mut *held.lock().unwrap() else { return };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    copying.push(threads::spawn("relay-copy", move || copy(from, to)).unwrap());
                }
                open.extend([near, far]);
            }
        });
        Relay { address, open, accepting: Some(accepting.unwrap()) }
    }

    /// Ends every connection in the middle of whatever it carries, and takes no further one.
    pub(crate) fn vanish(&mut self) {
        let Some(open) = self.open.lock().unwrap().take() else { return };
        open.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        drop(open);
        // Lets the accepting thread see it.
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take());
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Whoever waits for the rest is not left waiting.
    to.shutdown(Shutdown::Both).ok();
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.vanish();
    }
}
