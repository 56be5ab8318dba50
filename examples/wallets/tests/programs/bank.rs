//! The wallet server and its client.

use rpc_core::{Client, threads};
use system_tests::{Transcript, free_port};
use wallets::contract::{Bank as _, BankClient};

use crate::stage::{Bank, SVC_BANCO, Store, command, printed, refused};

#[test]
fn a_wallet_is_asked_ordered_from_and_paid_into() {
    let bank = Bank::open("ana 10\nbia 5\n");
    printed(&bank.run("ana", "S\nO 4\nS\nO 7\nO 6\nS\n"), "10\n1\n6\n-2\n2\n0\n");
    printed(
        &bank.run("bia", "X 3 4 bia\nX 1 5 nobody\nX 1 4 nobody\nX 1 4 bia\nX 1 4 bia\nS\n"),
        "-1\n-2\n-3\n0\n-1\n9\n",
    );
    printed(&bank.run("caio", "S\nO 1\nO 0\n"), "-1\n-1\n-1\n");
    printed(&bank.run("ana", "X 2 6 ana\nO 0\nS\nX 3 0 bia\n"), "0\n3\n6\n0\n");
    bank.close("0\n", "ana 6\nbia 9\n");
}

#[test]
fn the_end_prints_all_wallets_in_order_and_tells_the_pending_orders() {
    let bank = Bank::open("zé 10\nana 0\nbia 5\n");
    let mut idle = bank.client("ana");
    idle.type_in("S\n");
    idle.shows("0\n");
    printed(&bank.run("zé", "O 3\nO 2\nX 1 3 ana\nF\nS\n"), "1\n2\n0\n1\n");
    bank.server.ends_with("zé 5\nana 3\nbia 5\n");
    idle.end_input();
    idle.ends_with("0\n");
}

#[test]
fn wallets_are_read_with_and_without_a_last_newline_and_with_crlf() {
    for input in ["ana 1\nção🦀 2147483647\n", "ana 1\nção🦀 2147483647", "\nana 1\r\nção🦀 2147483647\r\n"]
    {
        Bank::open(input).close("0\n", "ana 1\nção🦀 2147483647\n");
    }
    Bank::open("").close("0\n", "");
    let twenty = "x".repeat(20);
    Bank::open(&format!("{twenty} 0\nana 7\n{twenty} 3\n")).close("0\n", &format!("{twenty} 3\nana 7\n"));
}

#[test]
fn wallets_that_cannot_be_read_are_told_before_anything_is_served() {
    let port = free_port().to_string();
    let wrong = Transcript::start_with(&mut command(SVC_BANCO, &[&port]), "ana 10\nbia\n").ended();
    refused(&wrong, "", "svc_banco: line 2 is \"bia\": expected a wallet's name");
}

#[test]
fn amounts_are_exact_beyond_32_bits() {
    let bank = Bank::open("ana 2147483647\nbia 2147483647\ncaio 9000000000000000000\n");
    printed(&bank.run("ana", "O 2147483647\nX 1 2147483647 bia\n"), "1\n0\n");
    printed(&bank.run("bia", "S\nO 4294967294\nX 2 4294967294 caio\n"), "4294967294\n2\n0\n");
    bank.close("0\n", "ana 0\nbia 0\ncaio 9000000004294967294\n");
}

#[test]
fn a_client_keeps_its_own_wallet_after_a_transfer() {
    let bank = Bank::open("ana 10\nbia 5\n");
    printed(&bank.run("ana", "O 4\nX 1 4 bia\nS\n"), "1\n0\n6\n");
    bank.close("0\n", "ana 6\nbia 9\n");
}

#[test]
fn lines_that_are_no_command_are_passed_over_in_silence() {
    let bank = Bank::open("ana 10\n");
    printed(&bank.run("ana", "\n \ns\n S\n?\no 5\nx 1 1 ana\nf\nC\nT\n O 1\nO\nX 1\nS"), "10\n");
    printed(&bank.run("ana", "S\r\nO 1\r\nX 1 1 ana\r\nS"), "10\n1\n0\n10\n");
    let store = Store::open("3", "ana", &bank.address());
    printed(&store.run("ana", &bank.address(), "\n \nc\n C\nS\nt\nf\n?\n"), "3\n");
    printed(&store.run("ana", &bank.address(), "T\r\n"), "3\n10\n");
    store.server.ends_with("0\n");
    bank.server.ends_with("ana 10\n");
}

#[test]
fn the_end_of_input_ends_no_server() {
    let bank = Bank::open("ana 10\n");
    let store = Store::open("3", "ana", &bank.address());
    printed(&bank.run("ana", ""), "");
    printed(&store.run("ana", &bank.address(), ""), "3\n");
    printed(&bank.run("ana", "S"), "10\n");
    printed(&store.run("ana", &bank.address(), "T"), "3\n10\n");
    store.server.ends_with("0\n");
    bank.server.ends_with("ana 10\n");
}

#[test]
fn many_clients_at_once_make_and_lose_no_coin() {
    const CLIENTS: usize = 8;
    let names: Vec<String> = (0..CLIENTS).map(|number| format!("w{number}")).collect();
    let bank = Bank::open(&names.iter().map(|name| format!("{name} 100\n")).collect::<String>());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, names) = (bank.address(), names.clone());
            let random = fastrand::Rng::with_seed(seed ^ u64::try_from(number).unwrap_or(0));
            threads::spawn("client", move || pay_around(&address, &names, random)).expect("a thread")
        })
        .collect();
    clients.into_iter().for_each(threads::Thread::join);
    let asked = BankClient::new(Client::connect(bank.address()));
    let balances = names.iter().map(|name| asked.lê_saldo(name.clone()).expect("a balance"));
    let held: Vec<i64> = balances.collect();
    assert!(held.iter().all(|balance| *balance >= 0), "{held:?}");
    let order = asked.cria_ordem(names[0].clone(), 0).expect("an order");
    assert_eq!(order, 1 + i64::try_from(CLIENTS * ORDERS).expect("few"), "no number twice, none left out");
    assert_eq!(asked.fim_da_execução(), Ok(1), "each of the others was paid exactly once");
    assert_eq!(held.iter().sum::<i64>(), 100 * i64::try_from(CLIENTS).expect("few"));
    let printed: String =
        names.iter().zip(held).map(|(name, balance)| format!("{name} {balance}\n")).collect();
    bank.server.ends_with(&printed);
}

/// Orders that each client gets, whatever is refused in between.
const ORDERS: usize = 150;

/// Makes orders and pays each to somebody, with two connections that both try to; exactly one may.
fn pay_around(address: &str, names: &[String], mut random: fastrand::Rng) {
    let mine = BankClient::new(Client::connect(address));
    let rival = BankClient::new(Client::connect(address));
    let mut made = 0;
    while made < ORDERS {
        let (payer, receiver) = (random.choice(names).expect("names"), random.choice(names).expect("names"));
        let value = random.i64(0..60);
        let order = mine.cria_ordem(payer.clone(), value).expect("an answer");
        if order < 0 {
            assert_eq!(order, -2);
            continue;
        }
        made += 1;
        let both = [&mine, &rival].map(|bank| bank.start().transferência(order, value, receiver.clone()));
        let mut answers = both.map(|pending| pending.wait().expect("an answer"));
        answers.sort_unstable();
        assert_eq!(answers, [-1, 0], "paid once and not twice");
    }
}

#[test]
fn the_answer_to_the_end_arrives_before_the_server_ends() {
    for _ in 0..20 {
        let bank = Bank::open("ana 1\n");
        let client = BankClient::new(Client::connect(bank.address()));
        assert_eq!(client.cria_ordem("ana".to_owned(), 1), Ok(1));
        assert_eq!(client.fim_da_execução(), Ok(1));
        bank.server.ends_with("ana 0\n");
    }
}
