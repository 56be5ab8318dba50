//! The store and its client.

use rpc_core::Client;
use wallets::contract::{Store as _, StoreClient};

use crate::stage::{Bank, Store, printed};

#[test]
fn a_buyer_buys_until_the_money_is_gone() {
    let bank = Bank::open("ana 7\nloja 100\n");
    let store = Store::open("3", "loja", &bank.address());
    printed(&store.run("ana", &bank.address(), "C\nC\nC\n"), "3\n1\n0\n2\n0\n-2\n");
    printed(&store.run("ninguém", &bank.address(), "C\n"), "3\n-1\n");
    printed(&bank.run("ana", "S\nO 1\nX 3 1 loja\n"), "1\n3\n0\n");
    printed(&store.run("ana", &bank.address(), "T\nC\n"), "3\n106\n");
    store.server.ends_with("0\n");
    bank.server.ends_with("ana 0\nloja 107\n");
}

#[test]
fn the_store_shows_the_orders_that_the_wallet_server_had_pending() {
    let bank = Bank::open("ana 7\nloja 0\n");
    printed(&bank.run("ana", "O 1\nO 2\n"), "1\n2\n");
    let store = Store::open("3", "loja", &bank.address());
    printed(&store.run("ana", &bank.address(), "C\nT\n"), "3\n3\n0\n3\n");
    store.server.ends_with("2\n");
    bank.server.ends_with("ana 1\nloja 3\n");
}

#[test]
fn a_seller_without_a_wallet_sells_nothing_and_is_told_minus_one() {
    let bank = Bank::open("ana 7\n");
    let store = Store::open("3", "loja", &bank.address());
    printed(&store.run("ana", &bank.address(), "C\nT\n"), "3\n1\n-3\n-1\n");
    store.server.ends_with("1\n");
    bank.server.ends_with("ana 4\n");
}

#[test]
fn f_of_a_buyer_ends_the_wallet_server_and_the_store_goes_on() {
    let bank = Bank::open("ana 7\nloja 1\n");
    let address = bank.address();
    let store = Store::open("3", "loja", &address);
    printed(&bank.run("ana", "O 2\n"), "1\n");
    printed(&store.run("ana", &address, "F\nT\n"), "3\n1\n");
    bank.server.ends_with("ana 5\nloja 1\n");
    printed(&store.run("ana", &address, "C\nC\n"), "3\n-9\n-9\n");
    let order = StoreClient::new(Client::connect(store.address()));
    assert_eq!(order.venda(1), Ok(-9));
    printed(&store.run("ana", &address, "T\n"), "3\n1\n");
    store.server.ends_with("-9\n");
}
