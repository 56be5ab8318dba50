//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::server::Server;

/// Measures what a message to many costs: our chat server beside ngircd, InspIRCd, Redis, Mosquitto and NATS.
///
/// Each server is started with raised limits, filled with members who hear and one speaker a room, left idle (memory), driven
/// at a rate (latency) and flat out (deliveries, processor time). Rounds go over all servers in turn, so that what else
/// the machine does meets all alike. The load is one thread over plain sockets, the same for every server; it checks that each
/// member hears each message once and in order. It shares the machine with the server, so rates depend on
/// both: the server's processor time for a million deliveries is the figure to compare.
#[derive(Debug, Parser)]
#[command(name = "chat-bench", version, after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What to measure: servers beside each other, how the chat server's costs grow with its members, or both
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Peers, Part::Growth])]
    pub(crate) parts: Vec<Part>,

    /// The servers; one that is not installed is left out, and said so
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Server::value_variants().iter().copied())]
    pub(crate) servers: Vec<Server>,

    /// How many members there are, of all rooms together; each number is measured for itself
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000], value_parser = member_count)]
    pub(crate) members: Vec<usize>,

    /// As --members, of the chat server alone: what growth is measured with
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1000, 10_000], value_parser = member_count)]
    pub(crate) growth: Vec<usize>,

    /// Rooms over which members are spread, with a speaker each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rooms: u16,

    /// Rounds; figures are their medians
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: u16,

    /// Rounds of the growth
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) growth_rounds: u16,

    /// How long speakers speak flat out, in seconds
    #[arg(long, default_value_t = 1.5, value_parser = seconds)]
    pub(crate) seconds: f64,

    /// Messages of each speaker that somebody has still to hear, flat out; otherwise 64, and 128 from 500 members on
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) window: Option<u16>,

    /// Messages of each speaker at the rate
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) messages: u16,

    /// Messages a second of each speaker at the rate; a message waits until all have heard the one before
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    pub(crate) rate: f64,

    /// Messages that a member of the chat server's may have under way to him, as his client's preface says
    #[arg(long, default_value_t = chat_api::limits::EVENTS_UNDER_WAY, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) credit: u32,

    /// Take our programs, `binder` and `chat-server`, from this folder, instead of building them
    #[arg(long, value_name = "FOLDER")]
    pub(crate) programs: Option<PathBuf>,

    /// Where all figures of all rounds go, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/chat-bench.json")]
    pub(crate) json: PathBuf,

    /// The folder that the plots go to
    #[arg(long, value_name = "FOLDER", default_value = "target/plots")]
    pub(crate) plots: PathBuf,

    /// Put the tables and the picture into the READMEs of this workspace and of the project, and the plots into `results`
    #[arg(long)]
    pub(crate) publish: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Peers,
    Growth,
}

const EXAMPLES: &str = "Examples:
  chat-bench
  chat-bench --parts peers --servers chat,redis --members 1000 --rounds 7
  chat-bench --parts growth --growth 1,100,10000
  chat-bench --parts peers --members 1000 --rooms 50 --messages 5 --rate 2

Servers: apt-get install ngircd inspircd redis-server mosquitto nats-server";

impl Options {
    pub(crate) fn window(&self, members: usize) -> usize {
        self.window.map_or(if members < 500 { 64 } else { 128 }, usize::from)
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

fn member_count(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (1..=15_000).contains(&count) { Ok(count) } else { Err("1 to 15000 members are allowed".to_owned()) }
}

fn seconds(text: &str) -> Result<f64, String> {
    positive(text, 3600.0)
}

fn rate(text: &str) -> Result<f64, String> {
    positive(text, 10_000.0)
}

fn positive(text: &str, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if number >= 0.001 && number <= most { Ok(number) } else { Err(format!("0.001 to {most} is allowed")) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Options::command().debug_assert();
    }

    #[test]
    fn numbers_out_of_their_ranges_are_refused_in_words() {
        for line in [["--members", "0"], ["--growth", "1,15001"], ["--rate", "0"], ["--seconds", "NaN"]] {
            let refused = Options::try_parse_from(["chat-bench", line[0], line[1]]).unwrap_err();
            assert!(refused.to_string().contains("allowed"), "{refused}");
        }
    }
}
