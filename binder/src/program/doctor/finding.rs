//! What a knock and a registration together mean, and what to do about it. Pure.

use std::time::Duration;

use binder::{State, Stats};
use serde::Serialize;

use super::Patient;
use super::probe::Answer;
use crate::program::output::short;
use crate::program::stats::soon;

/// One thing that is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) kind: &'static str,
    #[serde(skip)]
    pub(super) verdict: Verdict,
    /// What is the case.
    pub(super) what: String,
    /// What to do about it.
    pub(super) todo: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Fine,
    Note,
    Wrong,
}

/// The worst of them.
pub(super) fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Fine)
}

/// What is worth knowing of the binder itself.
pub(super) fn of_binder(stats: &Stats) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(alarm) = &stats.alarm {
        findings.push(wrong(
            "alarm",
            &alarm.sentence,
            "find out below which servers answer, and what cut them off",
        ));
    }
    if let Some(saving) = &stats.saving
        && let Some(why) = &saving.trouble
    {
        let soon = soon(saving.retry_in_ms);
        let what =
            format!("the state file {} cannot be written, and is tried again {soon}: {why}", saving.file);
        findings.push(wrong("unsaved", &what, "make room or mend the folder; names are served all the same"));
    }
    if Duration::from_millis(stats.uptime_ms) < YOUNG && stats.saving.is_none() {
        let what = format!("it started {} ago", short(Duration::from_millis(stats.uptime_ms)));
        findings.push(note(
            "young",
            &what,
            "servers that run register again by themselves within a lease: wait, and look again",
        ));
    }
    findings
}

/// What is worth knowing of a server.
pub(super) fn of_server(patient: &Patient, answer: &Answer) -> Vec<Finding> {
    let mut findings: Vec<Finding> = of_answer(patient, answer).into_iter().collect();
    findings.extend(of_lease(patient, answer));
    if patient.state == State::Draining {
        let undo =
            format!("to send callers there again: binder drain --undo --instance {}", patient.instance);
        findings.push(note(
            "draining",
            "it drains: it is about to end, and is told to nobody who has a choice",
            &undo,
        ));
    }
    findings
}

fn of_answer(patient: &Patient, answer: &Answer) -> Option<Finding> {
    let remove = || match patient.state {
        State::Suspect => {
            format!("to take out what it has left: binder remove --instance {}", patient.instance)
        }
        _ => "start it again; a dead one goes by itself after two leases".to_owned(),
    };
    Some(match answer {
        Answer::Speaks(_) => return None,
        Answer::NotAsked => {
            let why = patient.out_of_reach.as_deref().unwrap_or("there is no way to it");
            wrong("out_of_reach", why, "let the server register an address that callers can use")
        }
        Answer::Unresolved(why) => {
            let what = format!("its host name leads nowhere from here: {why}");
            wrong("unresolved", &what, "mend the name, or let the server register its IP address")
        }
        Answer::Refused => {
            let what = "nothing listens there: the server has ended, or listens elsewhere";
            wrong("refused", what, &remove())
        }
        Answer::NoWay(why) => {
            let what = format!("its machine cannot be reached from here: {why}");
            wrong("no_way", &what, "look at the machine, the network and the firewall between")
        }
        Answer::Silent => {
            let what =
                "it takes connections and says nothing: the server hangs or is stopped, or is none of ours";
            wrong("silent", what, "look at what its threads do, or start it again")
        }
        Answer::Stranger(said) => {
            let what = format!("what listens there is none of ours, or breaks off: {said}");
            wrong(
                "stranger",
                &what,
                "see which program has the port, and register the one that the server has",
            )
        }
    })
}

fn of_lease(patient: &Patient, answer: &Answer) -> Option<Finding> {
    let answers = matches!(answer, Answer::Speaks(_));
    if patient.state == State::Suspect {
        let lease = short(patient.lease);
        let (what, todo) = if answers {
            (
                format!("it answers here, but the binder has not heard of it for a whole lease ({lease})"),
                "see in its log whether it reaches the binder; one that registered without a keeper must register again",
            )
        } else {
            (
                format!("the binder has not heard of it for a whole lease ({lease})"),
                "it goes by itself after a second one, unless the binder's alarm keeps it",
            )
        };
        return Some(wrong("suspect", &what, todo));
    }
    // A renewal comes at a third of the lease, and at half of it if the first was lost.
    let late = patient.lease_left < patient.lease / 3;
    late.then(|| {
        let what = format!(
            "its renewal is late: {:.1} s are left of a lease of {:.1} s",
            patient.lease_left.as_secs_f64(),
            patient.lease.as_secs_f64()
        );
        wrong("late", &what, "see whether its machine is overloaded, or cut off from the binder")
    })
}

fn wrong(kind: &'static str, what: &str, todo: &str) -> Finding {
    Finding { kind, verdict: Verdict::Wrong, what: what.to_owned(), todo: todo.to_owned() }
}

fn note(kind: &'static str, what: &str, todo: &str) -> Finding {
    Finding { kind, verdict: Verdict::Note, what: what.to_owned(), todo: todo.to_owned() }
}

/// As long as most leases: within it a binder without a state file may not know everyone yet.
const YOUNG: Duration = binder::DEFAULT_LEASE;

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(state: State, lease_left: u64) -> Patient {
        Patient {
            address: "10.0.0.7".into(),
            port: 4000,
            instance: "3f9a12cc01ab".into(),
            names: vec!["resize".into()],
            state,
            out_of_reach: None,
            lease: Duration::from_secs(15),
            lease_left: Duration::from_secs(lease_left),
        }
    }

    #[track_caller]
    fn check(patient: &Patient, answer: &Answer, kinds: &[&str], worst: Verdict) {
        let findings = of_server(patient, answer);
        assert_eq!(findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), kinds);
        assert_eq!(verdict(&findings), worst);
        assert!(findings.iter().all(|finding| !finding.what.is_empty() && !finding.todo.is_empty()));
    }

    #[test]
    fn each_state_and_answer_has_its_finding() {
        let speaks = Answer::Speaks(Duration::from_millis(1));
        check(&patient(State::Live, 12), &speaks, &[], Verdict::Fine);
        check(&patient(State::Live, 5), &speaks, &[], Verdict::Fine);
        check(&patient(State::Live, 4), &speaks, &["late"], Verdict::Wrong);
        check(&patient(State::Draining, 12), &speaks, &["draining"], Verdict::Note);
        check(&patient(State::Suspect, 0), &speaks, &["suspect"], Verdict::Wrong);
        check(&patient(State::Suspect, 0), &Answer::Refused, &["refused", "suspect"], Verdict::Wrong);
        for (answer, kind) in [
            (Answer::NotAsked, "out_of_reach"),
            (Answer::Unresolved("no such name".into()), "unresolved"),
            (Answer::Refused, "refused"),
            (Answer::NoWay("no route to host".into()), "no_way"),
            (Answer::Silent, "silent"),
            (Answer::Stranger("an HTTP answer came".into()), "stranger"),
        ] {
            check(&patient(State::Live, 12), &answer, &[kind], Verdict::Wrong);
        }
    }

    #[test]
    fn what_to_do_about_a_dead_suspect_is_a_command() {
        let findings = of_server(&patient(State::Suspect, 0), &Answer::Refused);
        assert_eq!(findings[0].todo, "to take out what it has left: binder remove --instance 3f9a12cc01ab");
    }
}
