//! The loops of calls for clients that block: one thread a caller.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::peer::{Failure, Load, Target};
use crate::sample::{Flight, Sample, Tally, of_calls, of_connections};
use crate::usage::{Meter, Process};

/// A client that blocks, with the payload that it sends, on a connection of its own or a shared one.
pub trait Client: Send + Sized {
    /// Makes a call; how many bytes came back.
    fn call(&mut self) -> Result<usize, Failure>;

    /// Another handle on the same connection.
    fn share(&self) -> Result<Self, Failure> {
        Err("this client does not share a connection among threads".into())
    }

    /// Starts a call and does not wait for it.
    fn start(&mut self) -> Result<(), Failure> {
        Err("this client has one call in flight at most".into())
    }

    /// Waits for the oldest call that was started.
    fn finish(&mut self) -> Result<usize, Failure> {
        Err("this client has one call in flight at most".into())
    }
}

/// Runs a load as it was ordered, over connections that `connect` opens to send a payload.
pub fn load<C: Client>(
    load: &Load,
    connect: impl Fn(SocketAddr, &[u8]) -> Result<C, Failure>,
) -> Result<Sample, Failure> {
    let payload = load.payload();
    let open = |count| open(count, || connect(load.target.address, &payload));
    let idle = open(load.idle)?;
    let mut clients = Vec::new();
    for mut first in open(load.target.connections)? {
        first.call()?;
        for _ in 1..load.callers {
            clients.push(first.share()?);
        }
        clients.push(first);
    }
    let sample = measure(load, clients);
    drop(idle);
    sample
}

/// Opens connections, makes a call on each, and reads what the server holds for them.
pub fn hold<C: Client>(
    target: &Target,
    connect: impl Fn(SocketAddr, &[u8]) -> Result<C, Failure>,
) -> Result<Sample, Failure> {
    let settle = Duration::from_secs(3);
    let open = |count| open(count, || connect(target.address, &[7; 64]));
    let first = open(1)?;
    let before = target.process().settled_memory(settle)?;
    let others = open(target.connections)?;
    let after = target.process().settled_memory(settle)?;
    drop((first, others));
    Ok(of_connections(target.connections, before, after))
}

fn open<C: Client>(count: usize, connect: impl Fn() -> Result<C, Failure>) -> Result<Vec<C>, Failure> {
    let connect = |number| {
        let answered = || {
            let mut client = connect()?;
            client.call()?;
            Ok::<_, Failure>(client)
        };
        answered().map_err(|failure| format!("connection {number} of {count}: {failure}").into())
    };
    (1..=count).map(connect).collect()
}

fn measure<C: Client>(load: &Load, clients: Vec<C>) -> Result<Sample, Failure> {
    let (warm, begin) = (Barrier::new(clients.len() + 1), Barrier::new(clients.len() + 1));
    let mut all = Tally::default();
    let spent = std::thread::scope(|scope| {
        let mut callers = Vec::new();
        for client in clients {
            let caller = Caller { client, load, warm: &warm, begin: &begin };
            callers.push(caller.spawn(scope)?);
        }
        warm.wait();
        let meter = Meter::start(load.target.process())?;
        begin.wait();
        for caller in callers {
            all.add(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok::<_, Failure>(meter.stop()?)
    })?;
    Ok(of_calls(all, &spent, load.target.process().memory()?))
}

struct Caller<'a, C> {
    client: C,
    load: &'a Load,
    warm: &'a Barrier,
    begin: &'a Barrier,
}

impl<'scope, C: Client + 'scope> Caller<'scope, C> {
    fn spawn(
        self,
        scope: &'scope Scope<'scope, '_>,
    ) -> io::Result<ScopedJoinHandle<'scope, Result<Tally, Failure>>> {
        Builder::new().name("caller".into()).stack_size(256 << 10).spawn_scoped(scope, move || self.run())
    }

    /// A caller that fails still meets the others, so that nobody waits for it.
    fn run(mut self) -> Result<Tally, Failure> {
        let warmed = self.calls(self.load.warm_up());
        self.warm.wait();
        self.begin.wait();
        warmed?;
        self.calls(self.load.time())
    }

    fn calls(&mut self, time: Duration) -> Result<Tally, Failure> {
        if self.load.width > 1 { self.window(time) } else { self.one_by_one(time) }
    }

    fn one_by_one(&mut self, time: Duration) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut begun = Instant::now();
        let until = begun + time;
        while begun < until {
            expect(self.client.call()?, self.load.size)?;
            let now = Instant::now();
            tally.note(now - begun);
            tally.calls += 1;
            begun = now;
        }
        Ok(tally)
    }

    fn window(&mut self, time: Duration) -> Result<Tally, Failure> {
        let until = Instant::now() + time;
        let mut flight = Flight::default();
        for _ in 0..self.load.width {
            flight.started();
            self.client.start()?;
        }
        let mut over = false;
        while !over {
            expect(self.client.finish()?, self.load.size)?;
            over = flight.finished().is_some_and(|now| now >= until);
            flight.started();
            self.client.start()?;
        }
        for _ in 0..self.load.width {
            expect(self.client.finish()?, self.load.size)?;
        }
        Ok(flight.tally)
    }
}

/// What comes back must be as long as what was sent.
pub fn expect(returned: usize, sent: usize) -> Result<(), Failure> {
    if returned == sent { Ok(()) } else { Err(format!("{returned} bytes came back of {sent}").into()) }
}

/// Takes items for a while: each call of what `open` returns takes some, and says how many.
pub fn stream<T>(load: &Load, open: impl FnOnce(SocketAddr) -> Result<T, Failure>) -> Result<Sample, Failure>
where
    T: FnMut() -> Result<u64, Failure>,
{
    let mut take = open(load.target.address)?;
    let mut take_for = |time| {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < time {
            count += take()?;
        }
        Ok::<_, Failure>(count)
    };
    take_for(load.warm_up())?;
    metered(load.target.process(), || take_for(load.time()))
}

/// What this process and a server spend while `work` counts something.
pub fn metered(server: Process, work: impl FnOnce() -> Result<u64, Failure>) -> Result<Sample, Failure> {
    let meter = Meter::start(server)?;
    let count = work()?;
    Ok(crate::sample::of_count(count, &meter.stop()?, server.memory()?))
}
