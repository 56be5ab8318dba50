//! What the doctor says: a paragraph for each patient, or an object.

use std::time::Duration;

use binder::{State, Stats};
use rpc_core::Endpoint;
use serde::Serialize;

use super::Patient;
use super::finding::{Finding, Verdict, verdict};
use super::probe::Answer;
use crate::program::Failure;
use crate::program::output::{self, Form, micros, milliseconds, short};
use crate::program::screen::{Screen, Tone};

pub(super) struct Report {
    form: Form,
    screen: Screen,
}

#[derive(Serialize)]
#[serde(tag = "subject", rename_all = "snake_case")]
enum Subject<'a> {
    Binder {
        binder: String,
        verdict: Verdict,
        findings: &'a [Finding],
    },
    Server {
        verdict: Verdict,
        address: &'a str,
        port: u16,
        instance: &'a str,
        names: &'a [&'a str],
        state: State,
        round_trip_us: Option<u64>,
        findings: &'a [Finding],
    },
}

impl Report {
    pub(super) fn new(form: Form, screen: Screen) -> Report {
        Report { form, screen }
    }

    pub(super) fn binder(
        &self,
        binder: &Endpoint,
        stats: &Stats,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        let verdict = verdict(findings);
        if self.form == Form::Json {
            let binder = binder.to_string();
            return Ok(output::json(&Subject::Binder { binder, verdict, findings })?);
        }
        let uptime = short(Duration::from_millis(stats.uptime_ms));
        let (version, names) = (&stats.version, output::count(stats.names, "procedure"));
        let servers = output::count(stats.leases, "server");
        let text = format!("the binder at {binder}, version {version}, up {uptime}, {names} of {servers}");
        self.paragraph(&text, findings)
    }

    pub(super) fn server(
        &self,
        patient: &Patient,
        answer: &Answer,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        let took = match answer {
            Answer::Speaks(took) => Some(*took),
            _ => None,
        };
        if self.form == Form::Json {
            let Patient { address, port, instance, .. } = patient;
            return Ok(output::json(&Subject::Server {
                verdict: verdict(findings),
                address,
                port: *port,
                instance,
                names: &patient.names(),
                state: patient.state(),
                round_trip_us: took.map(micros),
                findings,
            })?);
        }
        let mut text = format!("{} ({}): {}", patient.place(), patient.instance, patient.few_names());
        if let Some(took) = took {
            text += &format!(", answers in {}", milliseconds(took));
        }
        self.paragraph(&text, findings)
    }

    fn paragraph(&self, title: &str, findings: &[Finding]) -> Result<(), Failure> {
        let (word, tone) = match verdict(findings) {
            Verdict::Fine => ("fine ", Tone::Good),
            Verdict::Note => ("note ", Tone::Doubtful),
            Verdict::Wrong => ("wrong", Tone::Bad),
        };
        let word = self.screen.paint.tint(tone, word);
        output::line(&format!("{word}  {}", self.screen.wrapped(title, "       ")))?;
        for finding in findings {
            output::line(&format!("       {}", self.screen.wrapped(&finding.what, "       ")))?;
            output::line(&format!("       → {}", self.screen.wrapped(&finding.todo, "         ")))?;
        }
        Ok(())
    }
}
