//! Authentication and limits, by layers that are ready to use.

use std::time::Duration;

use rpc_core::health::{HealthCheck, HealthCheckClient};
use rpc_core::layer::{Answered, Call, Next};
use rpc_core::layers::{Authentication, ConcurrencyLimit, Credentials, Identity, Rate, RateLimit, Token};
use rpc_core::service::Outcome;
use rpc_core::{Client, Code, Layer, Status};

use super::lab::{Lab, LabClient, SOON, Stand, User, check, eventually, listening, stand};

fn token(text: &str) -> Token {
    Token::parse(text).unwrap()
}

/// Shows an identity to the lab, which knows users only.
fn as_user(call: Call, next: Next<'_>) -> Result<Answered, Status> {
    let user = match call.context().value::<Identity>() {
        Some(identity) if identity.name() == "ana" => User("ana"),
        Some(_) => User("bia"),
        None => User("nobody"),
    };
    next.run(call.with_value(user))
}

fn locked() -> Stand {
    let tokens = [("ana", token("a-secret")), ("bia", token("b-secret"))];
    let known = Authentication::of_tokens(tokens).except(["echo"]);
    stand(|builder| builder.layer(known).layer(as_user))
}

#[test]
fn a_procedure_reads_who_calls_with_a_token() {
    let stand = locked();
    for (secret, name) in [("a-secret", "ana"), ("b-secret", "bia")] {
        let lab = stand.lab_with(Credentials::of(&token(secret)));
        assert_eq!(lab.who("k".to_owned()).unwrap().0.as_deref(), Some(name));
        assert_eq!(lab.start().who("k".to_owned()).wait().unwrap().0.as_deref(), Some(name));
        assert_eq!(lab.who_drives().unwrap().next(), Some(Ok(name.to_owned())));
    }
}

#[test]
fn calls_without_a_known_token_are_refused_unless_the_procedure_is_open() {
    let stand = locked();
    let missing = check(
        stand.lab().who("k".to_owned()),
        Code::Unauthenticated,
        "the metadata \"authorization\" is missing: it is `Bearer TOKEN`",
    );
    assert!(!missing.may_have_run());
    let wrong = stand.lab_with(Credentials::of(&token("a-secret2")));
    check(wrong.who("k".to_owned()), Code::Unauthenticated, "the token is not known here");
    check(wrong.count(1).map(drop), Code::Unauthenticated, "the token is not known here");
    let hostile = LabClient::new(stand.client().with_metadata("authorization", vec![0xff; 16_000]));
    assert_eq!(hostile.who("k".to_owned()).unwrap_err().code(), Code::Unauthenticated);
    for lab in [stand.lab(), wrong, hostile] {
        lab.echo("open".to_owned()).unwrap();
    }
}

#[test]
fn a_judge_of_ones_own_says_who_calls_and_who_may_not() {
    let judge = |token: &Token| match token.reveal() {
        "good" => Ok(Identity::new("ana")),
        other => Err(Status::permission_denied(format!("{other} is banned"))),
    };
    let stand = stand(|builder| builder.layer(Authentication::by_token(judge)).layer(as_user));
    let lab = |secret: &str| stand.lab_with(Credentials::of(&token(secret)));
    assert_eq!(lab("good").who("k".to_owned()).unwrap().0.as_deref(), Some("ana"));
    check(lab("bad").who("k".to_owned()), Code::PermissionDenied, "bad is banned");
}

fn hourly(calls: u32) -> RateLimit {
    RateLimit::new(Rate::of(calls, Duration::from_secs(3600)).unwrap())
}

#[test]
fn a_peer_past_its_rate_is_refused_and_told_when_to_come_back() {
    let (heard, ends) = listening();
    let stand = stand(|builder| builder.layer(hourly(2)).layer(heard));
    let lab = stand.lab();
    lab.echo("1".to_owned()).unwrap();
    lab.count(1).unwrap().for_each(drop);
    let refused =
        check(lab.echo("3".to_owned()), Code::ResourceExhausted, "more than 2 calls in 3600s of one caller");
    assert!(!refused.may_have_run());
    let wait = refused.retry_after().unwrap();
    assert!(wait > Duration::from_secs(1790) && wait <= Duration::from_secs(1800), "{wait:?}");
    ends.expect("echo", Ok(Outcome::Returned));
    ends.expect("count", Ok(Outcome::Returned));
    ends.expect_nothing();
}

#[test]
fn a_client_comes_back_by_itself_when_it_was_told_to() {
    let rate = Rate::of(1, Duration::from_millis(30)).unwrap();
    let stand = stand(|builder| builder.layer(RateLimit::new(rate)));
    let lab = stand.lab();
    for _ in 0..3 {
        lab.echo("again".to_owned()).unwrap();
    }
}

#[test]
fn each_identity_has_its_own_rate_whatever_its_address() {
    let tokens = [("ana", token("a-secret")), ("bia", token("b-secret"))];
    let known = Authentication::of_tokens(tokens);
    let stand = stand(|builder| builder.layer(known).layer(hourly(1)));
    for secret in ["a-secret", "b-secret"] {
        let lab = stand.lab_with(Credentials::of(&token(secret)));
        lab.echo("1".to_owned()).unwrap();
        assert_eq!(lab.echo("2".to_owned()).unwrap_err().code(), Code::ResourceExhausted);
    }
}

/// A client that does not come back by itself: it has less time than it is told to wait.
fn impatient(stand: &Stand) -> LabClient {
    LabClient::new(Client::over(&stand.server).with_deadline(ConcurrencyLimit::SOONEST))
}

#[test]
fn calls_past_the_limit_are_shed_until_one_has_ended() {
    let stand = stand(|builder| builder.layer(ConcurrencyLimit::of(2)));
    let lab = stand.lab();
    let held = [lab.start().hold(), lab.start().hold()];
    (0..2).for_each(|_| stand.entered.recv_timeout(SOON).unwrap());
    let shed = check(
        impatient(&stand).echo(String::new()),
        Code::ResourceExhausted,
        "2 calls run, which is the limit",
    );
    assert!(!shed.may_have_run());
    assert!(shed.retry_after().is_some_and(|wait| wait >= ConcurrencyLimit::SOONEST));
    drop(held);
    assert_eq!(lab.echo("x".to_owned()), Ok("x".to_owned()), "it came back when it was told to");
}

#[test]
fn a_procedure_with_its_own_limit_leaves_room_for_others() {
    let limit = ConcurrencyLimit::of(10).each(2).of_procedure("hold", 1);
    let stand = stand(|builder| builder.layer(limit));
    let lab = stand.lab();
    let held = lab.start().hold();
    stand.entered.recv_timeout(SOON).unwrap();
    let message = "1 calls of hold run, which is the limit";
    check(impatient(&stand).hold(), Code::ResourceExhausted, message);
    lab.echo(String::new()).unwrap();
    let streams = [lab.lent().unwrap(), lab.lent().unwrap()];
    let message = "2 calls of lent run, which is the limit";
    check(impatient(&stand).lent().map(drop), Code::ResourceExhausted, message);
    drop(streams);
    eventually("streams that are over leave their places", || impatient(&stand).lent().is_ok());
    drop(held);
}

#[test]
fn a_probe_of_health_is_answered_by_a_server_that_sheds_everything() {
    let limit = ConcurrencyLimit::of(0).except(["rpc.health.check"]);
    let stand = stand(|builder| builder.layer(limit).layer(hourly(1).except(["rpc.health.check"])));
    let health = HealthCheckClient::new(stand.client());
    for _ in 0..3 {
        health.check(String::new()).unwrap();
    }
    let shed = impatient(&stand).echo(String::new());
    check(shed, Code::ResourceExhausted, "0 calls run, which is the limit");
}

#[test]
fn a_call_that_panics_leaves_its_place() {
    let stand = stand(|builder| builder.layer(ConcurrencyLimit::of(1)));
    let lab = stand.lab();
    for _ in 0..3 {
        assert_eq!(lab.burst().unwrap_err().code(), Code::Internal);
    }
    lab.echo(String::new()).unwrap();
}

#[test]
fn a_client_limits_what_it_has_under_way() {
    let stand = stand(|builder| builder);
    let lab = stand.lab_with(ConcurrencyLimit::of(1));
    let pending = lab.start().echo("1".to_owned());
    let message = "1 calls run, which is the limit";
    check(lab.echo("2".to_owned()), Code::ResourceExhausted, message);
    pending.wait().unwrap();
    let stream = lab.lent().unwrap();
    check(lab.echo("3".to_owned()), Code::ResourceExhausted, message);
    drop(stream);
    lab.echo("4".to_owned()).unwrap();
}
