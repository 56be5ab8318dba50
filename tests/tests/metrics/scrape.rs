//! A program's metrics port, and what was read there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use system_tests::{Process, SOON};

/// Where a program tells its metrics, as `HOST:PORT`.
pub(crate) struct Port(pub(crate) String);

/// What was told at one moment.
pub(crate) struct Scrape {
    pub(crate) text: String,
    samples: Vec<Sample>,
}

/// One line of it.
pub(crate) struct Sample {
    name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) number: f64,
}

impl Port {
    /// The one that the program has said.
    #[track_caller]
    pub(crate) fn of(program: &mut Process) -> Port {
        let line = program.complaint("telling metrics at http://");
        Port(line.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned())
    }

    #[track_caller]
    pub(crate) fn scrape(&self) -> Scrape {
        let answer = self.ask(&format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.0));
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(Sample::parse).collect();
        Scrape { text: text.to_owned(), samples }
    }

    /// What is answered to these bytes.
    #[track_caller]
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(&self.0).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A connection that was reset has said what it said.
        socket.read_to_end(&mut answer).ok();
        String::from_utf8(answer).unwrap()
    }
}

impl Scrape {
    pub(crate) fn samples(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// The number of the sample with exactly these labels.
    pub(crate) fn number(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let is_meant = |sample: &&Sample| {
            sample.labels.len() == labels.len()
                && labels.iter().all(|(label, value)| sample.has(label, value))
        };
        self.samples(name).find(is_meant).map(|sample| sample.number)
    }

    /// The names of all families.
    pub(crate) fn families(&self) -> BTreeSet<String> {
        let types = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
    }
}

impl Sample {
    fn parse(line: &str) -> Sample {
        let (named, number) = line.rsplit_once(' ').unwrap();
        let (name, labels) = named.split_once('{').unwrap_or((named, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        // No value here has a quote in it.
        let pairs =
            labels.split_terminator("\",").filter_map(|pair| pair.trim_end_matches('"').split_once("=\""));
        let labels = pairs.map(|(label, value)| (label.to_owned(), value.to_owned())).collect();
        Sample { name: name.to_owned(), labels, number: number.parse().unwrap() }
    }

    pub(crate) fn has(&self, label: &str, value: &str) -> bool {
        self.labels.get(label).is_some_and(|of| of == value)
    }
}
