//! A client's stream: the method takes a `Stream`, which the caller fills from an iterator or item by item.
//!
//! ```text
//! 100000 samples, their mean is 49999.5
//! 3 samples, their mean is 2
//! a stream that fails is told so: DataLoss
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;

use rpc_core::{Client, Server, Status, Stream, stream, threads};

#[rpc_core::service]
trait Statistics {
    /// How many samples there were, and their mean.
    fn mean(&self, samples: Stream<f64>) -> Result<(u32, f64), Status>;
}

struct Office;

impl Statistics for Office {
    fn mean(&self, samples: Stream<f64>) -> Result<(u32, f64), Status> {
        let (mut count, mut sum) = (0, 0.0);
        for sample in samples {
            sum += sample?;
            count += 1;
        }
        Ok((count, sum / f64::from(count.max(1))))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(StatisticsService::new(Arc::new(Office))).bind("127.0.0.1:0")?;
    let statistics = StatisticsClient::new(Client::connect(server.address().to_string()));

    // Driven by the framework: as many items are under way as the server gives credit for.
    let (count, mean) = statistics.mean(Stream::from_iter((0..100_000).map(f64::from)))?;
    println!("{count} samples, their mean is {mean}");

    // By hand: a thread of one's own fills the sink, and its drop is the stream's end.
    let (sink, samples) = stream();
    let feeder = threads::spawn("samples", move || {
        let taken = [1.0, 2.0, 3.0].into_iter().try_for_each(|sample| sink.send(sample));
        taken.unwrap_or_else(|status| println!("nobody takes them: {status}"));
    })?;
    let (count, mean) = statistics.mean(samples)?;
    println!("{count} samples, their mean is {mean}");
    feeder.join();

    let broken = Stream::from_results([Ok(1.0), Err(Status::data_loss("the tape ends here"))]);
    if let Err(status) = statistics.mean(broken) {
        println!("a stream that fails is told so: {:?}", status.code());
    }
    Ok(())
}
