//! ttrpc by threads: each call with a timeout that the server is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;

use bench_harness::blocking::{self, Client};
use bench_harness::peer::{DEADLINE, Failure, Order, Role, listening_soon, run};
use protobuf::Message;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

use generated::{echo, echo_ttrpc};

struct Mirror;

impl echo_ttrpc::Echo for Mirror {
    fn echo(&self, _: &ttrpc::TtrpcContext, request: echo::Message) -> ttrpc::Result<echo::Message> {
        Ok(request)
    }
}

fn main() -> ExitCode {
    run(|order| match order {
        Order::Serve(serve) if serve.role == Role::Echo => self::serve().map(|()| None),
        // A client has two threads: where there are many, the bytes of one are written without it.
        Order::Load(load) if load.target.connections > 64 => blocking::load(&load, connect_bare).map(Some),
        Order::Load(load) => blocking::load(&load, connect).map(Some),
        Order::Hold(target) => blocking::hold(&target, connect_bare).map(Some),
        _ => Err("not measured here".into()),
    })
}

fn serve() -> Result<(), Failure> {
    let address = listening_soon()?;
    let server = ttrpc::Server::new().bind(&format!("tcp://{address}"))?;
    let mut server = server.register_service(echo_ttrpc::create_echo(Arc::new(Mirror)));
    server.start()?;
    loop {
        std::thread::park();
    }
}

struct Caller {
    client: echo_ttrpc::EchoClient,
    message: echo::Message,
}

fn message(payload: &[u8]) -> echo::Message {
    echo::Message { payload: payload.to_vec(), ..Default::default() }
}

fn connect(address: SocketAddr, payload: &[u8]) -> Result<Caller, Failure> {
    let client = ttrpc::Client::connect(&format!("tcp://{address}"))?;
    Ok(Caller { client: echo_ttrpc::EchoClient::new(client), message: message(payload) })
}

impl Client for Caller {
    fn call(&mut self) -> Result<usize, Failure> {
        let context = ttrpc::context::with_duration(DEADLINE);
        Ok(self.client.echo(context, &self.message)?.payload.len())
    }

    fn share(&self) -> Result<Caller, Failure> {
        Ok(Caller { client: self.client.clone(), message: self.message.clone() })
    }
}

/// The protocol by hand: ten bytes in front of a request, with its length, its stream and its kind.
struct Bare {
    socket: TcpStream,
    request: Vec<u8>,
    stream: u32,
}

const HEADER: usize = 10;
const REQUEST: u8 = 1;

fn connect_bare(address: SocketAddr, payload: &[u8]) -> Result<Bare, Failure> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let request = ttrpc::proto::Request {
        service: "echo.Echo".into(),
        method: "Echo".into(),
        timeout_nano: i64::try_from(DEADLINE.as_nanos())?,
        payload: message(payload).write_to_bytes()?,
        ..Default::default()
    };
    Ok(Bare { socket, request: request.write_to_bytes()?, stream: 1 })
}

impl Client for Bare {
    fn call(&mut self) -> Result<usize, Failure> {
        let mut out = u32::try_from(self.request.len())?.to_be_bytes().to_vec();
        out.extend(self.stream.to_be_bytes());
        out.extend([REQUEST, 0]);
        out.extend(&self.request);
        self.stream += 2;
        self.socket.write_all(&out)?;
        let mut header = [0; HEADER];
        self.socket.read_exact(&mut header)?;
        let length = header.first_chunk().ok_or("no length")?;
        let mut answer = vec![0; u32::from_be_bytes(*length) as usize];
        self.socket.read_exact(&mut answer)?;
        let answer = ttrpc::proto::Response::parse_from_bytes(&answer)?;
        Ok(echo::Message::parse_from_bytes(&answer.payload)?.payload.len())
    }
}
