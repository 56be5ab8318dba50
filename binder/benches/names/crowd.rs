//! Many watchers, many names, and a restart with them.

use std::time::{Duration, Instant};

use binder::{Binder as _, Mode, Offer, Registration, RegistrationOptions, Scope};

use super::ours::Binder;
use super::peers::{Redis, Talk, command};
use super::process::{Folder, free_port};

const WATCHERS: usize = 1_000;
const NAMES: usize = 10_000;
const INSTANCES: u16 = 10;

/// How long it takes from a change until the last of 1,000 watchers, each on a connection of its own, has it.
pub(crate) fn watchers(binder: &Binder) -> Duration {
    let watch = |_| binder.client().watch(Scope::Name("watched".into()), None).unwrap();
    let mut streams: Vec<_> = (0..WATCHERS).map(watch).collect();
    streams.iter_mut().for_each(|stream| assert!(stream.next().unwrap().is_ok()));
    let server = binder.client();
    median(|port| {
        let begun = Instant::now();
        server.register_procedure("watched".into(), "127.0.0.1".into(), port).unwrap();
        streams.iter_mut().for_each(|stream| assert!(stream.next().unwrap().is_ok()));
        begun.elapsed()
    })
}

/// The same of a publication.
pub(crate) fn subscribers(redis: &Redis) -> Duration {
    let mut talks: Vec<_> = (0..WATCHERS).map(|_| Talk::to(&redis.address)).collect();
    talks.iter_mut().for_each(|talk| drop(talk.ask(&["SUBSCRIBE", "watched"])));
    let mut server = Talk::to(&redis.address);
    let entry = "e".repeat(150);
    median(|_| {
        let begun = Instant::now();
        server.ask(&["PUBLISH", "watched", &entry]);
        talks.iter_mut().for_each(|talk| drop(talk.answer()));
        begun.elapsed()
    })
}

fn median(mut round: impl FnMut(u16) -> Duration) -> Duration {
    let mut times: Vec<_> = (1..=21).map(&mut round).collect();
    times.sort();
    times.swap_remove(10)
}

/// Memory with 10,000 names of 10 instances each, and how long a restart with them takes.
pub(crate) fn large() {
    let folder = Folder::new("state");
    let state = folder.0.join("state").to_str().unwrap().to_owned();
    let address = format!("127.0.0.1:{}", free_port());
    let binder = Binder::start_at(&address, &["--state", &state]);
    let empty = binder.process.memory();
    let instances: Vec<_> = (1..=INSTANCES).map(|port| register(&binder, port)).collect();
    let full = binder.process.memory();
    println!("\n{NAMES} names of {INSTANCES} instances each: {full} MiB, {empty} MiB without");
    binder.process.end();
    let size = std::fs::metadata(&state).unwrap().len() >> 20;
    let begun = Instant::now();
    let binder = Binder::start_at(&address, &["--state", &state]);
    let served = binder.client().lookup_procedure("procedure/9999".into());
    println!("restart until the first lookup: {:.0?} from a file of {size} MiB", begun.elapsed());
    assert!(served.is_ok());
    drop((binder, instances));
    redis();
}

/// All names of one instance, which are kept until it is dropped.
fn register(binder: &Binder, port: u16) -> Registration {
    let offer = |number: usize| {
        let name = format!("procedure/{number:04}");
        Offer { mode: Mode::Shared, ..Offer::new(name, "127.0.0.1", port) }
    };
    let registration =
        Registration::start_with(&binder.address, (0..NAMES).map(offer), RegistrationOptions::default());
    let registration = registration.unwrap();
    registration.wait_registered(Duration::from_secs(120)).unwrap();
    registration
}

/// As many keys of about an entry's size, with a time to live, and a restart from a dump.
fn redis() {
    let Some(redis) = Redis::start() else { return };
    let empty = redis.process.memory();
    let mut talk = Talk::to(&redis.address);
    let entry = "e".repeat(100);
    for number in 0..NAMES {
        for instance in 0..INSTANCES {
            let key = format!("procedure/{number:04}/{instance}");
            std::io::Write::write_all(talk.0.get_mut(), &command(&["SET", &key, &entry, "PX", "3000000"]))
                .unwrap();
        }
        (0..INSTANCES).for_each(|_| drop(talk.answer()));
    }
    println!("Redis, as many keys with 100 bytes each: {} MiB, {empty} MiB without", redis.process.memory());
    talk.ask(&["SAVE"]);
    let Redis { process, folder, .. } = redis;
    drop(process);
    let begun = Instant::now();
    let redis = Redis::start_in(folder).unwrap();
    let mut talk = Talk::to(&redis.address);
    // It refuses questions while it loads.
    while !talk.ask(&["GET", "procedure/9999/9"]).starts_with("$100") {}
    println!("Redis, restart until the first lookup: {:.0?}", begun.elapsed());
}
