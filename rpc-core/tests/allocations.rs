//! How often memory is asked for in a call: counted, in a process of its own.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{Client, Server, Status};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Both tests count what the process does.
static ALONE: Mutex<()> = Mutex::new(());

#[rpc_core::service]
trait Echo {
    fn echo(&self, numbers: [u64; 8]) -> Result<[u64; 8], Status>;
}

struct Mirror;

impl Echo for Mirror {
    fn echo(&self, numbers: [u64; 8]) -> Result<[u64; 8], Status> {
        Ok(numbers)
    }
}

const CALLS: usize = 10_000;

/// What the server's other thread may ask for meanwhile, which watches for slow calls.
const OTHERS: usize = CALLS / 100;

/// Seven bits to the byte, so that each is one byte on the wire.
const NUMBERS: [u64; 8] = [1, 20, 30, 40, 50, 60, 70, 80];

fn serve() -> Server {
    Server::builder().service(EchoService::new(Arc::new(Mirror))).bind("127.0.0.1:0").unwrap()
}

/// Calls with a deadline, as PROTOCOL.md has them, without a client and without memory.
struct Bare {
    socket: TcpStream,
    last: u16,
}

impl Bare {
    fn connect(server: &Server) -> Bare {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.write_all(b"\xf1RPC\x18\x00\x01\x01\0\0\0\0\0\0\x80\0\0\x04\0\0\xff\xff\xff\x7f").unwrap();
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).unwrap();
        // Ids from here on have the same length.
        Bare { socket, last: 1000 }
    }

    fn call(&mut self) {
        self.last += 1;
        let [low, high] = self.last.to_le_bytes();
        let mut frame = *b"\x17\0\0\0\0\xfb\0\0\x04echo\x01\xfb\x30\x75\0\0\x01\x14\x1e\x28\x32\x3c\x46\x50";
        (frame[6], frame[7]) = (low, high);
        self.socket.write_all(&frame).unwrap();
        let mut reply = [0; 17];
        self.socket.read_exact(&mut reply).unwrap();
        assert_eq!(reply[..9], [13, 0, 0, 0, 1, 0xfb, low, high, 0]);
        assert_eq!(reply[9..], NUMBERS.map(|number| u8::try_from(number).unwrap()));
    }
}

fn allocations(mut call: impl FnMut()) -> usize {
    // The first calls make what all others use again.
    (0..100).for_each(|_| call());
    let region = Region::new(COUNTED);
    (0..CALLS).for_each(|_| call());
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn a_server_asks_for_no_memory_to_answer_a_call_of_fixed_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = serve();
    let mut bare = Bare::connect(&server);
    let counted = allocations(|| bare.call());
    assert!(counted <= OTHERS, "{counted} times in {CALLS} calls");
}

#[test]
fn a_client_asks_for_memory_once_a_call_of_fixed_size() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = serve();
    let client = EchoClient::new(Client::connect(server.address().to_string()));
    let counted = allocations(|| assert_eq!(client.echo(NUMBERS).unwrap(), NUMBERS));
    assert!(counted <= CALLS + OTHERS, "{counted} times in {CALLS} calls, of client and server together");
}
