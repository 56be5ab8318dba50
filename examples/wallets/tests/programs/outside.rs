//! Command lines, ports, signals, names, and the Makefile.

use system_tests::{Transcript, free_port};
use wallets::contract::{BankClient, StoreClient};

use crate::stage::{Bank, CLN_BANCO, CLN_LOJA, SVC_BANCO, SVC_LOJA, Store, command, refused};

#[test]
fn a_port_that_is_taken_is_told_in_words() {
    let bank = Bank::open("ana 1\n");
    let port = bank.port.to_string();
    let words = format!("cannot listen on port {port}: ");
    refused(&Transcript::start(&mut command(SVC_BANCO, &[&port])).ended(), "", &words);
    refused(
        &Transcript::start(&mut command(SVC_LOJA, &["3", &port, "ana", &bank.address()])).ended(),
        "",
        &words,
    );
    bank.close("0\n", "ana 1\n");
}

#[test]
fn a_wrong_command_line_is_told_on_standard_error_with_status_two() {
    let wrong: [(&str, &[&str]); 12] = [
        (SVC_BANCO, &[]),
        (SVC_BANCO, &["2047"]),
        (SVC_BANCO, &["65536"]),
        (SVC_BANCO, &["5000", "5001"]),
        (CLN_BANCO, &["ana"]),
        (CLN_BANCO, &["ana", "localhost"]),
        (CLN_BANCO, &["ana", "localhost:x"]),
        (SVC_LOJA, &["3", "5000", "loja"]),
        (SVC_LOJA, &["x", "5000", "loja", "localhost:5001"]),
        (SVC_LOJA, &["3", "80", "loja", "localhost:5001"]),
        (CLN_LOJA, &["ana", "localhost:5000"]),
        (CLN_LOJA, &["ana", "localhost:5000", "localhost:5001", "more"]),
    ];
    for (program, arguments) in wrong {
        let ended = Transcript::start(&mut command(program, arguments)).ended();
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
    for program in [SVC_BANCO, CLN_BANCO, SVC_LOJA, CLN_LOJA] {
        let help = Transcript::start(&mut command(program, &["--help"])).ended();
        assert!(help.code == Some(0) && help.stdout.contains("Usage:") && help.stderr.is_empty(), "{help:?}");
    }
}

#[test]
fn a_signal_ends_a_server_in_order_and_prints_nothing() {
    for signal in ["INT", "TERM"] {
        let bank = Bank::open("ana 1\n");
        let store = Store::open("3", "ana", &bank.address());
        store.server.signal(signal);
        store.server.ends_with("");
        bank.server.signal(signal);
        bank.server.ends_with("");
    }
}

#[test]
fn the_procedures_have_the_names_of_the_assignment() {
    let names = |table: &[rpc_core::service::Procedure]| table.iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(BankClient::PROCEDURES), ["lê_saldo", "cria_ordem", "transferência", "fim_da_execução"]);
    assert_eq!(names(StoreClient::PROCEDURES), ["lê_preço", "venda", "fim_da_execução"]);
}

#[test]
fn the_makefile_runs_the_programs_and_says_nothing_of_its_own() {
    let make = |target: &str, arguments: &[&str]| {
        let mut make = command("make", &["--no-print-directory", target]);
        make.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("MAKEFLAGS");
        make
    };
    if command("make", &["--version"]).output().is_err() {
        println!("skipped: there is no make here");
        return;
    }
    // The first time may build everything, which takes as long as it takes.
    let built = make("stubs", &[]).output().expect("make runs");
    assert!(built.status.success() && built.stdout.is_empty(), "{built:?}");
    Transcript::start(&mut make("stubs", &[])).ends_with("");
    let port = free_port().to_string();
    let mut bank =
        Transcript::start_with(&mut make("run_serv_banco", &[&format!("arg1={port}")]), "ana 10\nloja 1\n");
    assert!(bank.listens_on(port.parse().expect("a port")));
    let bank_at = format!("localhost:{port}");
    let client = make("run_cli_banco", &["arg1=ana", &format!("arg2={bank_at}")]);
    Transcript::start_with(&mut { client }, "S\n").ends_with("10\n");
    let store_port = free_port().to_string();
    let (arg2, arg4) = (format!("arg2={store_port}"), format!("arg4={bank_at}"));
    let mut store = Transcript::start(&mut make("run_serv_loja", &["arg1=3", &arg2, "arg3=loja", &arg4]));
    assert!(store.listens_on(store_port.parse().expect("a port")));
    let (arg2, arg3) = (format!("arg2={bank_at}"), format!("arg3=localhost:{store_port}"));
    Transcript::start_with(&mut make("run_cli_loja", &["arg1=ana", &arg2, &arg3]), "C\nT\n")
        .ends_with("3\n1\n0\n4\n");
    store.ends_with("0\n");
    bank.ends_with("ana 7\nloja 4\n");
}
