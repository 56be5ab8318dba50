//! What a knock and a registration together mean, and what to do about it. Pure.

use std::time::Duration;

use binder::{State, Stats};
use serde::Serialize;

use super::Patient;
use super::patient::{Portion, Registered};
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
        let file = saving.file.as_ref().map(|file| format!(" {file}")).unwrap_or_default();
        let what = format!("the state file{file} cannot be written, and is tried again {soon}: {why}");
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
    findings.extend(patient.suspects().map(|suspects| of_suspects(patient, &suspects, answer)));
    findings.extend(patient.those(Registered::is_late).map(|late| of_late(&late)));
    findings.extend(patient.those(|one| one.state == State::Draining).map(|those| {
        let what = match those.is_whole() {
            true => "it drains: it is about to end, and is told to nobody who has a choice".to_owned(),
            false => format!("it drains {}: callers who have a choice are sent elsewhere", those.subject()),
        };
        let undo = format!("to send callers there again: binder drain --undo {}", patient.choice(&those));
        note("draining", &what, &undo)
    }));
    findings
}

fn of_answer(patient: &Patient, answer: &Answer) -> Option<Finding> {
    let remove = || match patient.suspects() {
        Some(suspects) => remove(patient, &suspects),
        None => "start it again; a dead one goes by itself after two leases".to_owned(),
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

/// What is worth knowing of those that the binder has not heard of.
fn of_suspects(patient: &Patient, suspects: &Portion<'_>, answer: &Answer) -> Finding {
    let lease = suspects.these.iter().map(|one| one.lease).max().unwrap_or_default();
    let unheard =
        format!("the binder has not heard of {} for a whole lease ({})", suspects.subject(), short(lease));
    if let Some(successor) = &patient.successor {
        let what = format!("{unheard}, and another server has its place and lives: {successor}");
        return note("suspect", &what, &format!("it goes by itself; {}", remove(patient, suspects)));
    }
    match (answer, suspects.is_whole()) {
        (Answer::Speaks(_), true) => wrong(
            "suspect",
            &format!("it answers here, but {unheard}"),
            "see in its log whether it reaches the binder; one that registered without a keeper must register again",
        ),
        (Answer::Speaks(_), false) => wrong(
            "suspect",
            &format!(
                "it answers here, but {unheard}: it sends no identity, so each procedure has a lease of its own"
            ),
            &format!("if they are served, let it register them again; {}", remove(patient, suspects)),
        ),
        _ => wrong(
            "suspect",
            &unheard,
            "it goes by itself after a second one, unless the binder's alarm keeps it",
        ),
    }
}

fn remove(patient: &Patient, suspects: &Portion<'_>) -> String {
    format!("to take out what it has left: binder remove {}", patient.choice(suspects))
}

/// What is worth knowing of those that were heard of too long ago.
fn of_late(late: &Portion<'_>) -> Finding {
    let whose =
        if late.is_whole() { "its renewal".to_owned() } else { format!("the renewal of {}", late.subject()) };
    let latest = late.these.iter().min_by_key(|one| one.lease_left);
    let (left, lease) = latest.map(|one| (one.lease_left, one.lease)).unwrap_or_default();
    let what = format!(
        "{whose} is late: {:.1} s are left of a lease of {:.1} s",
        left.as_secs_f64(),
        lease.as_secs_f64()
    );
    wrong("late", &what, "see whether its machine is overloaded, or cut off from the binder")
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

    fn registered(name: &str, state: State, lease_left: u64) -> Registered {
        let (lease, lease_left) = (Duration::from_secs(15), Duration::from_secs(lease_left));
        Registered { name: name.into(), state, lease, lease_left }
    }

    fn patient_of(instance: &str, registered: Vec<Registered>) -> Patient {
        let (address, instance) = ("10.0.0.7".into(), instance.into());
        Patient { address, port: 4000, instance, registered, out_of_reach: None, successor: None }
    }

    fn patient(state: State, lease_left: u64) -> Patient {
        patient_of("3f9a12cc01ab", vec![registered("resize", state, lease_left)])
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

    /// Story: of a server without an identity, whose procedures have a lease each, the first lease was taken for all: those that
    /// nobody renewed were said to be fine, and to take them out was to take out the living.
    #[test]
    fn each_lease_of_a_server_without_an_identity_is_judged_by_itself() {
        let speaks = Answer::Speaks(Duration::from_millis(1));
        let several = patient_of(
            "10.0.0.7:4000",
            vec![
                registered("crop", State::Live, 14),
                registered("late", State::Live, 3),
                registered("gone", State::Suspect, 0),
                registered("lost", State::Suspect, 0),
            ],
        );
        check(&several, &speaks, &["suspect", "late"], Verdict::Wrong);
        let findings = of_server(&several, &speaks);
        assert_eq!(
            findings[0].what,
            "it answers here, but the binder has not heard of gone, lost for a whole lease (15s): it sends no identity, so \
             each procedure has a lease of its own"
        );
        let remove = "to take out what it has left: binder remove gone lost --address 10.0.0.7:4000";
        assert!(findings[0].todo.ends_with(remove), "{}", findings[0].todo);
        assert_eq!(findings[1].what, "the renewal of late is late: 3.0 s are left of a lease of 15.0 s");
        check(&several, &Answer::Refused, &["refused", "suspect", "late"], Verdict::Wrong);
        assert_eq!(of_server(&several, &Answer::Refused)[0].todo, remove);
    }

    /// Story: what a former process had left at a place was said to answer, since its successor did.
    #[test]
    fn what_a_former_process_has_left_is_told_from_the_one_that_answers() {
        let ghost = Patient { successor: Some("77".into()), ..patient(State::Suspect, 0) };
        let speaks = Answer::Speaks(Duration::from_millis(1));
        check(&ghost, &speaks, &["suspect"], Verdict::Note);
        let what = &of_server(&ghost, &speaks)[0].what;
        assert!(what.ends_with("(15s), and another server has its place and lives: 77"), "{what}");
    }

    #[test]
    fn a_server_that_drains_some_of_its_procedures_is_told_with_their_names() {
        let some =
            patient_of("3f9a", vec![registered("a", State::Draining, 14), registered("b", State::Live, 14)]);
        let findings = of_server(&some, &Answer::Speaks(Duration::from_millis(1)));
        assert_eq!(findings[0].what, "it drains a: callers who have a choice are sent elsewhere");
        assert!(findings[0].todo.ends_with("binder drain --undo a --address 10.0.0.7:4000"));
    }
}
