//! `rpc list`, `describe`, `health` and `watch`.

use super::*;
use system_tests::Process;

#[test]
fn help_says_what_there_is_and_what_the_exit_codes_mean() {
    let help = rpc(&["--help"]).done();
    for said in ["list", "describe", "call", "health", "watch", "bench", "Exit codes: 0 done, 1 failed"] {
        assert!(help.contains(said), "{said}: {help}");
    }
    for command in ["list", "describe", "call", "health", "watch", "bench"] {
        assert!(rpc(&[command, "--help"]).done().contains("--to <ADDR>"));
    }
    rpc(&[]).failed(2, "say what to do");
    assert_eq!(rpc(&["call"]).code, 2);
    assert_eq!(rpc(&["call", "x", "--metadata", "no-pair"]).code, 2);
}

#[test]
fn a_list_has_the_procedures_of_all_servers_or_of_one() {
    let house = House::open();
    let all = house.rpc(&["list"]).done();
    let line = all.lines().find(|line| line.starts_with("create_room ")).unwrap();
    let columns: Vec<&str> = line.split("  ").filter(|column| !column.is_empty()).map(str::trim).collect();
    assert_eq!(columns, ["create_room", "Chat", "Makes a room without a limit."]);
    assert!(!all.contains("rpc.describe"));
    let plain = house.rpc(&["list", "--plain"]).done();
    assert!(plain.lines().any(|line| line == "join_room") && plain.lines().all(|line| !line.contains(' ')));
    let binder = rpc(&["list", &house.binder.address.to_string(), "--all"]).done();
    // What --to stands for may be in the environment.
    let chosen = rpc(&["list", &house.chat.address.to_string(), "--plain", "--to", "127.0.0.1:1"]).done();
    assert!(chosen.contains("create_room\n"), "{chosen}");
    let none = rpc(&["call", "rpc.procedures", "--to", &house.chat.address.to_string()]).done();
    let null = rpc(&["call", "rpc.procedures", "null", "--to", &house.chat.address.to_string()]).done();
    assert!(none == null && none.contains("create_room"), "{none}");
    for name in ["lookup_procedure ", "rpc.health.watch ", "rpc.procedures "] {
        assert!(binder.lines().any(|line| line.starts_with(name)), "{binder}");
    }
}

#[test]
fn a_procedure_is_described_through_the_binder_and_a_slip_is_told() {
    let house = House::open();
    let events = house.rpc(&["describe", "events"]).done();
    for said in [
        "/// What happens in a room, as it happens",
        "events(username: string, room_name: string, after: option<Mark>) -> stream of News, or fails with ChatError",
        "\nMark = {\n",
        "\n  NoSuchRoom { room: string }\n",
    ] {
        assert!(events.contains(said), "{said}: {events}");
    }
    assert!(!events.contains('?'), "{events}");
    let slip = "there is no procedure \"create_rom\"; did you mean \"create_room\"?";
    house.rpc(&["describe", "create_rom"]).failed(4, slip);
    let chat = house.chat.address.to_string();
    rpc(&["describe", "create_rom", "--to", &chat]).failed(4, slip);
}

#[test]
fn health_ends_with_0_if_the_service_serves() {
    let house = House::open();
    assert_eq!(house.rpc(&["health", "--of", "create_room"]).done(), "serving\n");
    let chat = house.chat.address.to_string();
    assert_eq!(rpc(&["health", "Chat", "--to", &chat]).done(), "serving\n");
    house.rpc(&["health", "--of", "create_room", "--to", "127.0.0.1:1"]).done();
    rpc(&["health", "Chess", "--to", &chat]).failed(4, "NotFound: there is no service \"Chess\"");
    assert_eq!(rpc(&["health"]).code, 2, "no server is meant");
}

#[test]
fn a_watch_ends_with_0_at_a_signal_and_when_the_server_says_goodbye() {
    let house = House::open();
    let chat = house.chat.address.to_string();
    let mut watch = Process::start("rpc", command("rpc").args(["watch", "--to", &chat]));
    assert_eq!(watch.line().as_deref(), Some("serving"));
    watch.signal("INT");
    assert_eq!(watch.end().code(), Some(0));
    let mut watch = Process::start("rpc", command("rpc").args(["watch", "Chat", "--to", &chat]));
    assert_eq!(watch.line().as_deref(), Some("serving"));
    house.chat.process.signal("TERM");
    assert_eq!(watch.line().as_deref(), Some("not-serving"));
    assert_eq!(watch.end().code(), Some(0));
}

#[test]
fn a_measurement_shows_a_rate_quantiles_and_a_histogram() {
    let house = House::open();
    let report =
        house.rpc(&["bench", "list_rooms", "--calls", "50", "--in-flight", "4", "--warm-up", "10ms"]).done();
    assert!(
        report.starts_with("50 calls in ") && report.contains("p99.9 ") && report.contains(" ms  "),
        "{report}"
    );
    let paced =
        house.rpc(&["bench", "list_rooms", "--rate", "100", "--duration", "200ms", "--warm-up", "0s"]).done();
    assert!(paced.starts_with("20 calls in "), "{paced}");
    assert_eq!(house.rpc(&["bench", "list_rooms", "--duration", "0s"]).code, 2);
    let refused = r#"{"room_name":"nowhere"}"#;
    house.rpc(&["bench", "list_users", refused, "--calls", "5"]).failed(1, "NoSuchRoom");
    let streams = r#"{"username":"a","room_name":"b"}"#;
    house.rpc(&["bench", "events", streams]).failed(2, "events has streams");
}
