//! The loops of calls for clients that are polled: one task a caller.
//!
//! The peer says how a task is spawned, since some clients stay on one thread: with `tokio::spawn` or `spawn_local`.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::blocking::expect;
use crate::peer::{Failure, Load, Target};
use crate::sample::{Flight, Sample, Tally, of_calls, of_connections, of_count};
use crate::usage::Meter;

/// A client that is polled, with the payload that it sends; its clones share its connection.
pub trait Client: Clone + 'static {
    /// A connection of its own.
    fn connect(address: SocketAddr, payload: &[u8]) -> impl Future<Output = Result<Self, Failure>>;

    /// Makes a call; how many bytes came back.
    fn call(&self) -> impl Future<Output = Result<usize, Failure>>;
}

/// A caller and what it is to do.
pub struct Task<C> {
    client: C,
    load: Load,
    warm: Arc<Barrier>,
    begin: Arc<Barrier>,
}

/// Runs a load as it was ordered.
pub async fn load<C: Client>(
    load: Load,
    spawn: impl Fn(Task<C>) -> JoinHandle<Result<Tally, Failure>>,
) -> Result<Sample, Failure> {
    let payload = load.payload();
    let idle = open::<C>(load.target.address, load.idle, &payload).await?;
    let clients = open::<C>(load.target.address, load.target.connections, &payload).await?;
    let callers = clients.len() * load.callers;
    let (warm, begin) = (Arc::new(Barrier::new(callers + 1)), Arc::new(Barrier::new(callers + 1)));
    let copies = clients.iter().flat_map(|client| std::iter::repeat_n(client, load.callers));
    let task = |client: &C| Task { client: client.clone(), load, warm: warm.clone(), begin: begin.clone() };
    let tasks: Vec<_> = copies.map(task).map(spawn).collect();
    warm.wait().await;
    let meter = Meter::start(load.target.process())?;
    begin.wait().await;
    let mut all = Tally::default();
    for task in tasks {
        all.add(task.await??);
    }
    let spent = meter.stop()?;
    drop((idle, clients));
    Ok(of_calls(all, &spent, load.target.process().memory()?))
}

/// Opens connections, makes a call on each, and reads what the server holds for them.
pub async fn hold<C: Client>(target: &Target) -> Result<Sample, Failure> {
    let payload = [7; 64];
    let first = open::<C>(target.address, 1, &payload).await?;
    let before = settled(target).await?;
    let others = open::<C>(target.address, target.connections, &payload).await?;
    let after = settled(target).await?;
    drop((first, others));
    Ok(of_connections(target.connections, before, after))
}

async fn settled(target: &Target) -> Result<crate::usage::Memory, Failure> {
    let process = target.process();
    Ok(tokio::task::spawn_blocking(move || process.settled_memory(Duration::from_secs(3))).await??)
}

async fn open<C: Client>(address: SocketAddr, count: usize, payload: &[u8]) -> Result<Vec<C>, Failure> {
    let mut clients = Vec::new();
    for number in 1..=count {
        let answered = async {
            let client = C::connect(address, payload).await?;
            client.call().await?;
            Ok::<_, Failure>(client)
        };
        let client = answered.await;
        clients.push(client.map_err(|failure| format!("connection {number} of {count}: {failure}"))?);
    }
    Ok(clients)
}

impl<C: Client> Task<C> {
    /// A caller that fails still meets the others, so that nobody waits for it.
    pub async fn run(self) -> Result<Tally, Failure> {
        let warmed = self.calls(self.load.warm_up()).await;
        self.warm.wait().await;
        self.begin.wait().await;
        warmed?;
        self.calls(self.load.time()).await
    }

    async fn calls(&self, time: Duration) -> Result<Tally, Failure> {
        if self.load.width > 1 { self.window(time).await } else { self.one_by_one(time).await }
    }

    async fn one_by_one(&self, time: Duration) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut begun = Instant::now();
        let until = begun + time;
        while begun < until {
            expect(self.client.call().await?, self.load.size)?;
            let now = Instant::now();
            tally.note(now - begun);
            tally.calls += 1;
            begun = now;
        }
        Ok(tally)
    }

    async fn window(&self, time: Duration) -> Result<Tally, Failure> {
        let until = Instant::now() + time;
        let (mut flight, mut calls) = (Flight::default(), FuturesOrdered::new());
        for _ in 0..self.load.width {
            flight.started();
            calls.push_back(self.client.call());
        }
        let mut over = false;
        while let Some(returned) = calls.next().await {
            expect(returned?, self.load.size)?;
            over |= flight.finished().is_some_and(|now| now >= until);
            if !over {
                flight.started();
                calls.push_back(self.client.call());
            }
        }
        Ok(flight.tally)
    }
}

/// Takes items for a while: each call of what `open` returns takes some, and says how many.
pub async fn stream<T>(
    load: &Load,
    open: impl AsyncFnOnce(SocketAddr) -> Result<T, Failure>,
) -> Result<Sample, Failure>
where
    T: AsyncFnMut() -> Result<u64, Failure>,
{
    let mut take = open(load.target.address).await?;
    let mut take_for = async |time| {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < time {
            count += take().await?;
        }
        Ok::<_, Failure>(count)
    };
    take_for(load.warm_up()).await?;
    let meter = Meter::start(load.target.process())?;
    let count = take_for(load.time()).await?;
    Ok(of_count(count, &meter.stop()?, load.target.process().memory()?))
}
