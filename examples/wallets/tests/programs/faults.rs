//! Servers and clients that are killed, stopped, silent, or were never there.

use rpc_core::Client;
use system_tests::{Transcript, free_port};
use wallets::contract::{Store as _, StoreClient};

use crate::stage::{Bank, CLN_BANCO, SVC_BANCO, SVC_LOJA, Store, command, printed, refused};

#[test]
fn a_store_whose_wallet_server_comes_back_sells_again() {
    let mut bank = Bank::open("ana 10\nloja 0\n");
    let address = bank.address();
    let store = Store::open("3", "loja", &address);
    let mut buyer = store.buyer("ana", &address);
    buyer.type_in("C\n");
    buyer.shows("3\n1\n0\n");
    bank.server.kill();
    buyer.type_in("C\n");
    buyer.shows("3\n1\n0\n-9\n");
    let port = bank.port;
    let wallets = "ana 10\nloja 0\n";
    let mut back = Transcript::start_with(&mut command(SVC_BANCO, &[&port.to_string()]), wallets);
    assert!(back.listens_on(port));
    buyer.type_in("C\nT\n");
    buyer.ends_with("3\n1\n0\n-9\n1\n0\n6\n");
    store.server.ends_with("0\n");
    back.ends_with("ana 7\nloja 3\n");
}

#[test]
fn a_store_that_is_gone_costs_a_buyer_an_answer_and_no_more() {
    let bank = Bank::open("ana 10\nloja 0\n");
    let mut store = Store::open("3", "loja", &bank.address());
    let mut buyer = store.buyer("ana", &bank.address());
    buyer.shows("3\n");
    store.server.kill();
    buyer.type_in("C\n");
    buyer.shows("3\n1\n-9\n");
    buyer.type_in("T\n");
    refused(&buyer.ended(), "3\n1\n-9\n", "cln_loja: ");
    refused(&store.run("ana", &bank.address(), "C\n"), "", "cln_loja: cannot connect to localhost:");
    bank.close("1\n", "ana 7\nloja 0\n");
}

#[test]
fn without_a_wallet_server_the_others_say_so_and_fail() {
    let nowhere = format!("localhost:{}", free_port());
    let client = Transcript::start_with(&mut command(CLN_BANCO, &["ana", &nowhere]), "S\nS\n");
    refused(&client.ended(), "", &format!("cln_banco: cannot connect to {nowhere}: Connection refused"));
    let port = free_port().to_string();
    let store = Transcript::start(&mut command(SVC_LOJA, &["3", &port, "loja", &nowhere]));
    refused(
        &store.ended(),
        "",
        "svc_loja: the wallet server does not tell the seller's balance: cannot connect",
    );
    let mut bank = Bank::open("ana 1\n");
    let mut client = bank.client("ana");
    client.type_in("S\n");
    client.shows("1\n");
    bank.server.kill();
    client.type_in("S\nS\n");
    refused(&client.ended(), "1\n", "cln_banco: ");
}

#[test]
fn a_wallet_server_that_is_killed_in_the_middle_of_a_call_costs_an_answer() {
    let mut bank = Bank::open("ana 10\nloja 5\n");
    let store = Store::open("3", "loja", &bank.address());
    printed(&bank.run("ana", "O 3\n"), "1\n");
    let buyer = StoreClient::new(Client::connect(store.address()));
    bank.server.freeze();
    let sale = buyer.start().venda(1);
    let mut client = bank.client("ana");
    client.type_in("S\n");
    // The store answers while its sale is under way: it has begun.
    assert_eq!(buyer.lê_preço(), Ok(3));
    bank.server.kill();
    assert_eq!(sale.wait(), Ok(-9));
    refused(&client.ended(), "", "cln_banco: ");
    printed(&store.run("ana", &bank.address(), "C\nT\n"), "3\n-9\n5\n");
    store.server.ends_with("-9\n");
}

#[test]
fn a_buyer_that_goes_away_in_the_middle_of_a_sale_has_paid() {
    let bank = Bank::open("ana 10\nloja 5\n");
    let store = Store::open("3", "loja", &bank.address());
    printed(&bank.run("ana", "O 3\n"), "1\n");
    bank.server.freeze();
    let buyer = StoreClient::new(Client::connect(store.address()));
    let sale = buyer.start().venda(1);
    assert_eq!(buyer.lê_preço(), Ok(3));
    // Gives the call up, and the connection with it.
    drop((sale, buyer));
    bank.server.signal("CONT");
    printed(&store.run("ana", &bank.address(), "T\n"), "3\n8\n");
    store.server.ends_with("0\n");
    bank.server.ends_with("ana 7\nloja 8\n");
}

#[test]
fn clients_that_are_killed_or_silent_delay_nobody() {
    let bank = Bank::open("ana 10\nbia 0\n");
    let mut killed = bank.client("ana");
    killed.type_in("O 4\n");
    killed.shows("1\n");
    killed.kill();
    let _silent = std::net::TcpStream::connect(("127.0.0.1", bank.port)).expect("it listens");
    let mut stopped = bank.client("bia");
    stopped.type_in("S\n");
    stopped.shows("0\n");
    stopped.freeze();
    printed(&bank.run("bia", "X 1 4 bia\nS\n"), "0\n4\n");
    bank.close("0\n", "ana 6\nbia 4\n");
}
