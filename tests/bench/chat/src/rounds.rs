//! Rounds over all cases in turn, and one case's measurement from its server's start to its end.

use std::path::PathBuf;
use std::time::Duration;

use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::figures::{Case, Figures, Measure, Outcome};
use crate::options::{Options, Part};
use crate::score::{Times, milliseconds};
use crate::server::{self, Running, Server};

/// What both parts found.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) peers: Vec<Outcome>,
    pub(crate) growth: Vec<Outcome>,
}

/// Before memory is looked at, and before speakers begin: what entering has set off is over.
const QUIET: Duration = Duration::from_millis(300);

/// How long a speaker speaks before anything is measured.
const WARM_UP: Duration = Duration::from_millis(200);

/// What is wanted, and the folder of our programs.
struct Bench<'a> {
    options: &'a Options,
    programs: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<Results, Failure> {
    let servers = installed(&options.servers);
    let programs = match &options.programs {
        Some(folder) => folder.clone(),
        None if servers.contains(&Server::Chat) => server::build()?,
        None => PathBuf::new(),
    };
    let bench = Bench { options, programs };
    let mut results = Results::default();
    if options.parts.contains(&Part::Peers) {
        let cases = |members: &usize| {
            servers.iter().map(|server| Case { server: *server, members: *members }).collect()
        };
        let cases: Vec<Case> = options.members.iter().flat_map::<Vec<Case>, _>(cases).collect();
        results.peers = bench.rounds(&cases, options.rounds)?;
    }
    if options.parts.contains(&Part::Growth) && servers.contains(&Server::Chat) {
        let case = |members: &usize| Case { server: Server::Chat, members: *members };
        let cases: Vec<Case> = options.growth.iter().map(case).collect();
        results.growth = bench.rounds(&cases, options.growth_rounds)?;
    }
    Ok(results)
}

/// Those of the servers that are here; what to do about the others is said.
fn installed(servers: &[Server]) -> Vec<Server> {
    let is_here = |server: &&Server| {
        let package = server.package().filter(|_| server.program().is_none());
        if let Some(package) = package {
            eprintln!("{} is not installed, and left out: apt-get install {package}", server.name());
        }
        package.is_none()
    };
    servers.iter().filter(is_here).copied().collect()
}

impl Bench<'_> {
    fn rounds(&self, cases: &[Case], count: u16) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes: Vec<Outcome> =
            cases.iter().map(|case| Outcome { case: *case, rounds: Vec::new() }).collect();
        for round in 1..=count {
            for outcome in &mut outcomes {
                let Case { server, members } = outcome.case;
                let told = format!("round {round} of {count}, {:15} {members:6} members", server.name());
                let figures = match self.measure(outcome.case) {
                    Err(failure) if failure.is_interrupted() => return Err(failure),
                    Err(failure) => {
                        eprintln!("{told}: failed: {failure}");
                        // The others' rounds are not lost for it, and this one keeps its place among them.
                        Figures::new()
                    }
                    Ok(figures) => {
                        eprintln!("{told}: {}", summary(&figures));
                        figures
                    }
                };
                outcome.rounds.push(figures);
            }
        }
        Ok(outcomes)
    }

    /// One case, once.
    fn measure(&self, case: Case) -> Result<Figures, Failure> {
        let options = self.options;
        let Case { server, members } = case;
        let dialect = server.dialect(options.credit);
        let running = server.start(&self.programs)?;
        let mut crowd = Crowd::new(&*dialect)?;
        crowd.rest(QUIET)?;
        let before = running.memory()?;
        crowd.fill(running.address, members, usize::from(options.rooms).min(members))?;
        crowd.rest(QUIET)?;
        let idle = running.memory()?;
        let clients = as_f64(crowd.connections());
        let mut figures = Figures::from([
            (Measure::RssPerClient, (as_f64(idle.rss_kib) - as_f64(before.rss_kib)) / clients),
            (Measure::ThreadsPerClient, (as_f64(idle.threads) - as_f64(before.threads)) / clients),
        ]);

        crowd.at_a_rate(2, options.interval())?;
        let single = driven(&mut crowd, &running, |crowd| {
            crowd.at_a_rate(usize::from(options.messages), options.interval())
        })?;
        figures.extend([
            (Measure::P50, milliseconds(&single.times.each, 0.5)),
            (Measure::P99, milliseconds(&single.times.each, 0.99)),
            (Measure::LastP50, milliseconds(&single.times.last, 0.5)),
            (Measure::LastP99, milliseconds(&single.times.last, 0.99)),
            (Measure::SingleCpuPerMillion, single.cpu_per_million()),
        ]);

        let window = options.window(members);
        crowd.flat_out(window, WARM_UP)?;
        let loaded = driven(&mut crowd, &running, |crowd| crowd.flat_out(window, options.time()))?;
        figures.extend([
            (Measure::DeliveriesPerSecond, as_f64(loaded.deliveries) / loaded.time.as_secs_f64()),
            (Measure::CpuPerMillion, loaded.cpu_per_million()),
            (Measure::LoadedP50, milliseconds(&loaded.times.each, 0.5)),
            (Measure::LoadedP99, milliseconds(&loaded.times.each, 0.99)),
        ]);
        Ok(figures)
    }
}

fn summary(figures: &Figures) -> String {
    let of = |measure| figures.get(&measure).copied().unwrap_or_default();
    format!(
        "{:6.2} M deliveries/s, {:6.3} s CPU for a million, last after {:6.2} ms",
        of(Measure::DeliveriesPerSecond) / 1e6,
        of(Measure::CpuPerMillion),
        of(Measure::LastP50),
    )
}

/// What a drive came to.
struct Driven {
    deliveries: u64,
    time: Duration,
    cpu: Duration,
    times: Times,
}

fn driven(
    crowd: &mut Crowd<'_>,
    running: &Running,
    drive: impl FnOnce(&mut Crowd<'_>) -> Result<(), Failure>,
) -> Result<Driven, Failure> {
    crowd.times = Times::new();
    let (deliveries, cpu, begun) = (crowd.deliveries, running.cpu()?, std::time::Instant::now());
    drive(crowd)?;
    let (time, cpu) = (begun.elapsed(), running.cpu()?.saturating_sub(cpu));
    let times = std::mem::replace(&mut crowd.times, Times::new());
    Ok(Driven { deliveries: crowd.deliveries - deliveries, time, cpu, times })
}

impl Driven {
    fn cpu_per_million(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / as_f64(self.deliveries.max(1))
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures need no more digits")]
fn as_f64(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}
