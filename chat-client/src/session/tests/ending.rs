//! Closing, interrupting, and losing the server while a room waits for its stream.

use super::*;

/// `ana` in a room whose stream was asked for and does not begin.
fn one_in_silence(stage: &Stage) -> ChatSession {
    let ana = stage.user("ana");
    stage.chat.world().silent = true;
    ana.create("rust", None).unwrap();
    ana.join("rust").unwrap();
    until_followed(stage, 1);
    ana
}

#[test]
fn closing_frees_the_name_and_ends_the_waiting() {
    let stage = Stage::new();
    let (ana, bia) = two_in_rust(&stage);
    let since = Instant::now();
    bia.close().unwrap();
    assert!(since.elapsed() < Duration::from_secs(5));
    assert_eq!(stage.chat.users(), ["ana"]);
    assert_eq!(told(&ana), "-bia");
    assert_eq!(bia.send("rust", "x").unwrap_err().code(), "unavailable");
    drop(ana);
    assert!(stage.chat.users().is_empty());
}

/// The story: a room whose stream did not begin was waited for without an end, and closing waited for the room: 35 s.
#[test]
fn closing_does_not_wait_for_a_stream_that_does_not_begin() {
    let stage = Stage::new();
    let ana = one_in_silence(&stage);
    let since = Instant::now();
    ana.close().unwrap();
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

/// The story: the same wait held the listener when the connection was lost, so that it never looked for the server again.
#[test]
fn a_lost_connection_is_restored_while_a_stream_does_not_begin() {
    let stage = Stage::new();
    stage.chat.world().idle_after = Some(Duration::from_millis(600));
    let ana = one_in_silence(&stage);
    stage.chat.world().lost_heartbeats = 1;
    assert_eq!([told(&ana), told(&ana)], ["lost", "restored"]);
    stage.chat.world().silent = false;
    ana.send("rust", "heard").unwrap();
    assert_eq!(told(&ana), "ana: heard");
    check_nothing_more(&ana);
}

/// The story: the command of this test could be refused before it had begun to wait for anything.
#[test]
fn an_interrupted_command_ends_at_once() {
    let stage = Stage::new();
    let (ana, _bia) = two_in_rust(&stage);
    stage.chat.world().deaf = true;
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| ana.send("rust", "never"));
        let until = Instant::now() + SOON;
        while stage.chat.world().sendings == 0 {
            assert!(Instant::now() < until, "the server was not asked");
            std::thread::yield_now();
        }
        ana.interrupt();
        let since = Instant::now();
        assert_eq!(sending.join().unwrap().unwrap_err().code(), "unavailable");
        assert!(since.elapsed() < Duration::from_secs(5));
    });
    stage.chat.world().deaf = false;
}
